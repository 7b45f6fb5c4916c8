"""When things are due: on a grid that never moves, whatever the sleeper does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from collectors.schedule import Schedule

SECOND = 1_000_000_000
INTERVALS = st.dictionaries(st.sampled_from("abc"), st.integers(1, 10 * SECOND), min_size=1)
STARTS = st.integers(0, 10**18)
PAUSES = st.lists(st.integers(0, 30 * SECOND), max_size=30)


def test_everything_is_due_at_the_start_and_nothing_before_it() -> None:
    schedule = Schedule({"cpu": SECOND, "mem": 5 * SECOND}, start=100)
    assert schedule.next == 100
    assert schedule.take_due(99) == []
    assert schedule.take_due(100) == ["cpu", "mem"]
    assert schedule.take_due(100) == []


def test_each_is_due_at_its_own_steps() -> None:
    schedule = Schedule({"cpu": 1, "mem": 5}, start=0)
    taken = {now: schedule.take_due(now) for now in range(11)}
    assert [now for now, due in taken.items() if "mem" in due] == [0, 5, 10]
    assert all("cpu" in due for due in taken.values())


def test_steps_that_were_slept_through_are_skipped() -> None:
    schedule = Schedule({"cpu": 10}, start=0)
    assert schedule.take_due(1_234) == ["cpu"]
    assert schedule.next == 1_240


@given(INTERVALS, STARTS, PAUSES)
def test_steps_stay_on_the_grid_and_none_is_taken_twice(
    intervals: dict[str, int], start: int, pauses: list[int]
) -> None:
    schedule = Schedule(intervals, start)
    now, taken = start, dict.fromkeys(intervals, -1)
    for pause in (0, *pauses):
        now += pause
        for name in schedule.take_due(now):
            step = (now - start) // intervals[name]
            assert step > taken[name]
            taken[name] = step
        assert all(taken[name] == (now - start) // interval for name, interval in intervals.items())
        assert schedule.next > now
        assert schedule.next == min(start + (taken[name] + 1) * interval for name, interval in intervals.items())


@given(INTERVALS, STARTS)
def test_who_wakes_in_time_takes_every_step_for_ever(intervals: dict[str, int], start: int) -> None:
    schedule = Schedule(intervals, start)
    times: dict[str, list[int]] = {name: [] for name in intervals}
    for _ in range(60):
        now = schedule.next
        for name in schedule.take_due(now):
            times[name].append(now)
    for name, interval in intervals.items():
        assert times[name] == [start + step * interval for step in range(len(times[name]))]


@given(INTERVALS, STARTS, st.integers(0, 10**18))
def test_a_moment_before_the_last_one_changes_nothing(intervals: dict[str, int], start: int, back: int) -> None:
    schedule = Schedule(intervals, start)
    schedule.take_due(start)
    following = schedule.next
    assert schedule.take_due(start - back) == []
    assert schedule.next == following
