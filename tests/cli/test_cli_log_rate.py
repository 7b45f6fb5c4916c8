"""How often something is said: nothing is left out that is not counted, and each count is told once."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mq.cli.logs import rate as module
from mq.cli.logs.rate import LINES_MAX, WHILE_S, Rate


class Clock:
    """A clock that goes when it is told to."""

    now = 0.0

    def time(self) -> float:
        """Return its time."""
        return self.now


def test_after_so_many_lines_a_kind_is_silent_for_the_rest_of_its_while() -> None:
    clock = Clock()
    rate = Rate[str](clock.time)
    assert [rate.admit("a") for _ in range(LINES_MAX + 5)] == [0] * LINES_MAX + [None] * 5
    assert rate.admit("b") == 0
    clock.now = WHILE_S - 0.1
    assert rate.admit("a") is None
    assert rate.due() == []
    assert rate.owes
    clock.now = WHILE_S
    assert rate.admit("a") == 6
    assert not rate.owes


def test_what_was_left_out_is_told_once_its_while_is_over_if_no_other_comes() -> None:
    clock = Clock()
    rate = Rate[str](clock.time)
    for _ in range(LINES_MAX + 3):
        rate.admit("a")
    clock.now = WHILE_S
    assert rate.due() == [("a", 3)]
    assert rate.due() == []
    assert rate.admit("a") == 0


def test_of_too_many_kinds_the_oldest_is_given_up_and_what_it_owed_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KINDS_MAX", 2)
    rate = Rate[str](Clock().time)
    for _ in range(LINES_MAX + 3):
        rate.admit("a")
    rate.admit("b")
    rate.admit("c")
    assert rate.forgotten == 3
    assert rate.admit("a") == 0


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.floats(0, 30)), max_size=300), st.booleans())
def test_said_and_told_make_up_for_all_that_came(events: list[tuple[str, float]], looking: bool) -> None:
    clock = Clock()
    rate = Rate[str](clock.time)
    said, told = Counter[str](), Counter[str]()
    for kind, pause in events:
        clock.now += pause / 10
        if looking:
            told.update(dict(rate.due()))
        left_out = rate.admit(kind)
        if left_out is not None:
            said[kind] += 1
            told[kind] += left_out
    told.update(dict(rate.due(everything=True)))
    assert said + told == Counter(kind for kind, _ in events)
    assert not rate.owes
