"""When a child is started again, told by a clock of the test's own."""

from __future__ import annotations

from itertools import pairwise

from mq.cli.restarts import RESTART_S_MAX, RESTART_S_MIN, STEADY_S, Restarts


def die(restarts: Restarts, now: float, lived: float = 0.0) -> tuple[float, float]:
    """Let a child die, come back when it is due, and live; return its delay, and the time then."""
    delay = restarts.put_off("a", now)
    assert restarts.take_due(now + delay) == ["a"]
    return delay, now + delay + lived


def test_each_death_in_a_row_puts_off_for_twice_as_long_up_to_the_most() -> None:
    restarts, now, delays = Restarts(), 1000.0, []
    for _ in range(20):
        delay, now = die(restarts, now, lived=1.0)
        delays.append(delay)
    assert delays[0] == RESTART_S_MIN
    assert delays[-1] == RESTART_S_MAX
    assert all(later == min(2 * delay, RESTART_S_MAX) for delay, later in pairwise(delays))


def test_one_that_has_run_for_a_while_begins_anew() -> None:
    restarts = Restarts()
    _, now = die(restarts, 0.0)
    delay, now = die(restarts, now, lived=STEADY_S - 1)
    assert delay == 2 * RESTART_S_MIN
    delay, now = die(restarts, now, lived=STEADY_S + 1)
    assert delay == 4 * RESTART_S_MIN
    assert die(restarts, now)[0] == RESTART_S_MIN


def test_one_that_has_run_for_days_before_its_first_death_comes_back_soon() -> None:
    assert Restarts().put_off("a", 1e9) == RESTART_S_MIN


def test_nothing_is_due_before_its_time_nor_twice() -> None:
    restarts = Restarts()
    restarts.put_off("a", 10.0)
    assert restarts.take_due(10.0 + RESTART_S_MIN - 0.001) == []
    assert restarts.take_due(10.0 + RESTART_S_MIN) == ["a"]
    assert restarts.take_due(1e9) == []


def test_children_are_put_off_each_for_itself() -> None:
    restarts = Restarts()
    _, now = die(restarts, 0.0)
    restarts.put_off("a", now)
    assert restarts.put_off("b", now) == RESTART_S_MIN
    assert restarts.take_due(now + RESTART_S_MIN) == ["b"]
    assert restarts.take_due(now + 2 * RESTART_S_MIN) == ["a"]


def test_it_says_how_long_nothing_is_due() -> None:
    restarts = Restarts()
    assert restarts.seconds_to_next(5.0) is None
    restarts.put_off("a", 5.0)
    restarts.put_off("b", 5.2)
    assert restarts.seconds_to_next(5.0) == RESTART_S_MIN
    assert restarts.seconds_to_next(9.0) == 0.0
    restarts.take_due(9.0)
    assert restarts.seconds_to_next(9.0) is None
