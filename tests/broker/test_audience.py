"""Who listens: what each reported last, for how long it is kept, and how much of it."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mq.broker.audience import (
    AUDIENCE_MAX,
    CLIENT_LISTENERS_MAX,
    FORGOTTEN_S,
    OWNED_S,
    PATTERNS_SHOWN_MAX,
    Audience,
)
from mq.protocol import PATTERNS_MAX

ANN, EVE = b"ann", b"eve"


def report(number: int, *topics: tuple[str, int], name: str = "n1:7", lag: int = 0) -> dict[str, Any]:
    repaired = sum(times for _, times in topics)
    rows = [list(row) for row in topics]
    return {"name": name, "number": number, "lag": lag, "repaired": repaired, "lost": 0, "topics": rows}


def rows(audience: Audience, now: float) -> list[tuple[int, str, int, int]]:
    page, after = audience.page(None, AUDIENCE_MAX, now)
    assert after is None
    return [(row.number, row.name, row.lag, row.silent_ms) for row in page]


def test_each_is_shown_with_what_it_said_last_and_how_long_ago() -> None:
    audience = Audience()
    audience.heard(ANN, report(2, lag=5, name="b"), ["#"], 10.0)
    audience.heard(ANN, report(1, lag=7, name="a"), ["a/#", "b"], 11.0)
    audience.heard(ANN, report(2, lag=6, name="b"), ["#"], 12.0)
    assert rows(audience, 12.5) == [(1, "a", 7, 1_500), (2, "b", 6, 500)]
    assert [row.patterns for row in audience.page(None, 9, 12.5)[0]] == ["a/# b", "#"]


def test_who_has_been_silent_for_long_is_forgotten_though_nobody_reports() -> None:
    audience = Audience()
    audience.heard(ANN, report(1, ("t", 3)), ["#"], 0.0)
    assert rows(audience, FORGOTTEN_S - 0.1) == [(1, "n1:7", 0, 9_900)]
    assert rows(audience, FORGOTTEN_S) == []
    assert audience.repaired()["t"] == 0


def test_the_gauges_tell_of_those_who_report_and_of_nobody_once_they_are_silent() -> None:
    audience, now = Audience(), [0.0]
    gauges = audience.gauges(lambda: now[0])
    assert [ask() for ask in gauges.values()] == [0, 0]
    audience.heard(ANN, report(1, lag=5), ["#"], 0.0)
    audience.heard(ANN, report(2, lag=7), ["#"], 1.0)
    assert [ask() for ask in gauges.values()] == [2, 7]
    now[0] = FORGOTTEN_S + 1.0
    assert [ask() for ask in gauges.values()] == [0, 0]


def test_what_was_repaired_is_summed_over_those_who_listen() -> None:
    audience = Audience()
    audience.heard(ANN, report(1, ("t", 3), ("u", 1)), ["#"], 0.0)
    audience.heard(ANN, report(2, ("t", 4)), ["#"], 0.0)
    audience.heard(ANN, report(1, ("t", 5)), ["#"], 1.0)
    assert [audience.repaired()[topic] for topic in ("t", "u", "v")] == [9, 0, 0]


def test_many_patterns_are_shown_in_short() -> None:
    audience = Audience()
    audience.heard(ANN, report(1), [f"{number:03}" + "x" * 197 for number in range(PATTERNS_MAX)], 0.0)
    (row,), _ = audience.page(None, 1, 0.0)
    assert row.patterns.endswith(f" and {PATTERNS_MAX - 1} more")
    assert len(row.patterns) < PATTERNS_SHOWN_MAX + 20


def test_of_too_many_the_longest_silent_are_forgotten() -> None:
    audience = Audience()
    for number in range(AUDIENCE_MAX):
        audience.heard(b"%d" % number, report(number), ["#"], 0.0)
    audience.heard(b"0", report(0), ["#"], 0.1)
    audience.heard(ANN, report(AUDIENCE_MAX), ["#"], 0.2)
    found = [number for number, *_ in rows(audience, 0.3)]
    assert len(found) == AUDIENCE_MAX
    assert (0 in found, 1 in found, AUDIENCE_MAX in found) == (True, False, True)


def test_a_listener_is_its_connections_and_another_ones_after_a_silence_as_when_it_connects_anew() -> None:
    audience = Audience()
    audience.heard(ANN, report(1, ("t", 1), lag=1), ["#"], 0.0)
    audience.heard(EVE, report(1, ("t", 99), lag=99), ["#"], OWNED_S - 0.1)
    assert [lag for _, _, lag, _ in rows(audience, 1.0)] == [1]
    assert audience.repaired()["t"] == 1
    audience.heard(EVE, report(1, ("t", 2), lag=2), ["#"], OWNED_S)
    assert [lag for _, _, lag, _ in rows(audience, OWNED_S)] == [2]


def test_one_connection_is_so_many_listeners_at_most() -> None:
    audience = Audience()
    audience.heard(ANN, report(10**6), ["#"], 0.0)
    for number in range(CLIENT_LISTENERS_MAX + 5):
        audience.heard(EVE, report(number, ("t", 1)), ["#"], 0.0)
    assert [number for number, *_ in rows(audience, 0.1)] == [*range(5, CLIENT_LISTENERS_MAX + 5), 10**6]
    assert audience.repaired()["t"] == CLIENT_LISTENERS_MAX


steps = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 2**64 - 1), st.floats(0, 6)), max_size=60)


@given(steps, st.integers(1, 7))
def test_pages_together_are_those_who_reported_lately_each_once(steps: list[tuple[int, int, float]], size: int) -> None:
    audience, said, now = Audience(), dict[int, tuple[int, float]](), 0.0
    for number, lag, passed in steps:
        now += passed
        audience.heard(b"%d" % number, report(number, ("t", 1), lag=lag), ["#"], now)
        said[number] = lag, now
    lately = {number: lag for number, (lag, at) in said.items() if now - at < FORGOTTEN_S}
    found: list[tuple[int, int]] = []
    after: int | None = None
    while True:
        page, after = audience.page(after, size, now)
        assert len(page) <= size
        found += [(row.number, row.lag) for row in page]
        if after is None:
            break
    assert found == sorted(lately.items())
    assert audience.repaired()["t"] == len(lately)
