"""What is to go, and by which clock."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mq.journal.retention import JUMP_NS, SECOND_NS, SETTLE_NS, Held, Policy, SteadyClock, surplus

NOW = 1_764_000_000 * SECOND_NS
YEAR_NS = 365 * 24 * 3_600 * SECOND_NS
NO_LIMIT = Policy(1 << 62, 1 << 62, 1 << 62)
CLOSED = [Held(100, 10, NOW - 30), Held(100, 20, NOW - 20), Held(100, 30, NOW - 10)]
SIZE, END = 350, 35


@pytest.mark.parametrize(
    ("policy", "count"),
    [
        (NO_LIMIT, 0),
        (NO_LIMIT._replace(bytes_max=351), 0),
        (NO_LIMIT._replace(bytes_max=350), 0),
        (NO_LIMIT._replace(bytes_max=250), 1),
        (NO_LIMIT._replace(bytes_max=251), 0),
        (NO_LIMIT._replace(bytes_max=1), 3),
        (NO_LIMIT._replace(records_max=25), 1),
        (NO_LIMIT._replace(records_max=26), 0),
        (NO_LIMIT._replace(records_max=1), 3),
        (NO_LIMIT._replace(age_ns_max=30), 0),
        (NO_LIMIT._replace(age_ns_max=29), 1),
        (NO_LIMIT._replace(age_ns_max=9), 3),
    ],
)
def test_what_is_over_goes_the_oldest_first_and_at_least_the_limit_is_kept(policy: Policy, count: int) -> None:
    assert surplus(CLOSED, SIZE, END, policy, NOW) == count


SEGMENTS = st.lists(st.tuples(st.integers(1, 99), st.integers(1, 9), st.integers(0, 50)), max_size=9)


@given(SEGMENTS, st.integers(0, 99), st.builds(Policy, st.integers(1, 400), st.integers(1, 50), st.integers(0, 300)))
def test_never_less_than_each_limit_says_is_kept_and_no_more_than_a_segment_over_it(
    segments: list[tuple[int, int, int]], active: int, policy: Policy
) -> None:
    """But for age, by which all of a segment must be too old: of bytes and records what stays is enough."""
    closed, end, moment = [], 0, NOW - 300
    for size, records, step in segments:
        end, moment = end + records, moment + step
        closed.append(Held(size, end, moment))
    size = active + sum(each.size for each in closed)
    count = surplus(closed, size, end, policy, NOW)
    gone, kept = closed[:count], closed[count:]
    young = [each for each in gone if NOW - each.appended <= policy.age_ns_max]
    for each in young:
        left = active + sum(other.size for other in closed if other.limit > each.limit)
        assert left >= policy.bytes_max or end - each.limit >= policy.records_max
    if kept:
        left = active + sum(each.size for each in kept[1:])
        assert left < policy.bytes_max
        assert end - kept[0].limit < policy.records_max
        assert NOW - kept[0].appended <= policy.age_ns_max


@dataclass
class Clocks:
    """A clock on the wall, and one that nobody sets."""

    wall: int = NOW
    moment: int = 5

    def pass_(self, ns: int) -> None:
        """Let time pass for both."""
        self.wall += ns
        self.moment += ns


def steady(clocks: Clocks, newest: int = 0) -> SteadyClock:
    return SteadyClock(lambda: clocks.wall, lambda: clocks.moment, newest)


def test_a_clock_that_goes_on_is_believed() -> None:
    clocks = Clocks()
    clock = steady(clocks, NOW - SECOND_NS)
    for _ in range(50):
        clocks.pass_(JUMP_NS)
        clocks.wall += 1_000  # it is set a little, now and then
        assert clock.now() == clocks.wall


@pytest.mark.parametrize("jump", [YEAR_NS, 2 * JUMP_NS])
def test_a_jump_ahead_makes_nothing_older_than_it_is(jump: int) -> None:
    """Nor when it jumps back."""
    clocks = Clocks()
    clock = steady(clocks)
    clocks.wall += jump
    clocks.pass_(SECOND_NS)
    assert clock.now() == NOW + SECOND_NS
    clocks.wall -= jump
    assert clock.now() == NOW + SECOND_NS


def test_a_jump_back_makes_everything_younger_at_once() -> None:
    """Which deletes nothing early."""
    clocks = Clocks()
    clock = steady(clocks)
    clocks.wall -= YEAR_NS
    assert clock.now() == NOW - YEAR_NS
    clocks.wall += YEAR_NS
    assert clock.now() == NOW


def test_a_clock_that_stays_where_it_went_is_right_in_the_end() -> None:
    """After a day."""
    clocks = Clocks()
    clock = steady(clocks)
    clocks.wall += YEAR_NS
    assert clock.now() == NOW
    clocks.pass_(SETTLE_NS - 1)
    assert clock.now() < clocks.wall
    clocks.pass_(1)
    assert clock.now() == clocks.wall


def test_a_start_long_after_the_last_record_may_be_a_jump() -> None:
    """A broker that was off for a year, or a clock that is wrong by one: it waits a day to know."""
    clocks = Clocks()
    clock = steady(clocks, NOW - YEAR_NS)
    assert clock.now() == NOW - YEAR_NS
    clocks.pass_(SETTLE_NS)
    assert clock.now() == clocks.wall


@given(st.lists(st.tuples(st.integers(0, SETTLE_NS // 4), st.integers(-YEAR_NS, YEAR_NS)), max_size=30))
def test_whatever_the_clock_does_it_is_never_told_later_than_it_says(steps: list[tuple[int, int]]) -> None:
    """And a jump is not told sooner than after a day."""
    clocks = Clocks()
    clock = steady(clocks)
    for passed, jump in steps:
        clocks.pass_(passed)
        clocks.wall += jump
        assert clock.now() <= clocks.wall
