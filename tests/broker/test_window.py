"""How many frames may wait for a subscriber, by their size."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mq.broker.window import WIDER_AFTER_TURNS, LiveWindow


def test_large_frames_narrow_it_at_once_and_it_widens_when_none_have_come_for_a_while() -> None:
    window = LiveWindow(10_000, 1_000_000)
    assert not window.note(500, 500 * 100)
    assert window.note(2, 2 * 50_000)
    assert window.messages == 20
    assert not any(window.note(500, 500 * 100) for _ in range(WIDER_AFTER_TURNS - 1))
    assert window.note(500, 500 * 100)
    assert window.messages == 10_000


def test_it_does_not_widen_beyond_what_came_meanwhile() -> None:
    window = LiveWindow(10_000, 1_000_000)
    window.note(1, 50_000)
    for _ in range(WIDER_AFTER_TURNS):
        window.note(1, 1_000)
    assert window.messages == 1_000


def test_the_largest_frame_leaves_room_for_one() -> None:
    window = LiveWindow(10_000, 1_000_000)
    assert window.note(1, 1 << 30)
    assert window.messages == 1


@given(st.lists(st.tuples(st.integers(1, 500), st.integers(1, 1 << 20)), max_size=50))
def test_of_any_frames_that_are_alike_no_more_than_the_bound_waits(turns: list[tuple[int, int]]) -> None:
    window = LiveWindow(10_000, 1 << 20)
    for frames, each in turns:
        changed = window.messages
        assert window.note(frames, frames * each) == (window.messages != changed)
        assert window.messages == 1 or window.messages * each <= 1 << 20
        assert 1 <= window.messages <= 10_000
