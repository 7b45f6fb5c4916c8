"""How fast a client may produce: over any time no more than its rate, and what it saved up in a second."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mq.broker import rates
from mq.broker.rates import Rates

ANN, BOB = b"ann", b"bob"
LIMIT_S = 10


def passes(found: str | None) -> bool:
    """Whether a frame was let through."""
    return found is None


@given(steps=st.lists(st.tuples(st.floats(0, 3), st.integers(1, 40)), min_size=1, max_size=60))
def test_over_any_time_no_more_passes_than_the_rate_a_second_saved_and_one_frame(
    steps: list[tuple[float, int]],
) -> None:
    limits, now = Rates(LIMIT_S, 0), 1_000.0
    passed: list[tuple[float, int]] = []
    for seconds, records in steps:
        now += seconds
        if passes(limits.exceeded(ANN, records, 100, now)):
            passed.append((now, records))
    for first, (begin, _) in enumerate(passed):
        for last in range(first, len(passed)):
            end, largest = passed[last][0], passed[last][1]
            total = sum(records for _, records in passed[first : last + 1])
            assert total <= LIMIT_S * (end - begin + rates.SAVED_S) + largest + 1e-6


@given(records=st.integers(1, 50))
def test_who_tries_again_and_again_gets_its_rate(records: int) -> None:
    limits = Rates(LIMIT_S, 0)
    passed = sum(records for tick in range(20_000) if passes(limits.exceeded(ANN, records, 1, tick / 100)))
    assert LIMIT_S * 200 - records <= passed <= LIMIT_S * 200 + LIMIT_S + records


def test_a_frame_larger_than_a_seconds_worth_passes_and_is_owed() -> None:
    limits = Rates(0, LIMIT_S)
    assert passes(limits.exceeded(ANN, 1, 50, 0.0))
    assert limits.exceeded(ANN, 1, 1, 4.9) == "you send faster than producer_bytes_s_max, 10"
    assert passes(limits.exceeded(ANN, 1, 1, 5.1))


def test_each_limit_is_named_and_each_client_counts_by_itself() -> None:
    limits = Rates(LIMIT_S, 1_000)
    assert passes(limits.exceeded(ANN, 20, 10, 0.0))
    assert limits.exceeded(ANN, 1, 10, 0.5) == "you send faster than producer_records_s_max, 10"
    assert passes(limits.exceeded(BOB, 1, 5_000, 0.5))
    assert limits.exceeded(BOB, 1, 10, 1.0) == "you send faster than producer_bytes_s_max, 1,000"


def test_a_new_client_has_nothing_saved_up() -> None:
    limits = Rates(LIMIT_S, 0)
    assert passes(limits.exceeded(ANN, LIMIT_S, 1, 100.0))
    assert not passes(limits.exceeded(ANN, 1, 1, 100.5))


def test_of_too_many_clients_the_one_longest_silent_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "CLIENTS_MAX", 1)
    limits = Rates(LIMIT_S, 0)
    assert passes(limits.exceeded(ANN, 1_000, 1, 0.0))
    assert passes(limits.exceeded(BOB, 1, 1, 0.0))
    assert passes(limits.exceeded(ANN, 1, 1, 0.0))


def test_without_a_limit_nothing_is_kept_out() -> None:
    limits = Rates(0, 0)
    assert not limits.limited
    assert all(passes(limits.exceeded(ANN, 10**9, 10**9, 0.0)) for _ in range(3))
