"""How a node is, since when, what its clock says, and who reports in its name."""

from __future__ import annotations

import numpy as np
import pytest
from node_kit import NOW, report

from viewer.nodes import LEADS_KEPT, Node, State
from viewer.samples import SECOND_NS, Sample
from viewer.series import SPAN_NS


def node_of(seconds: range, lead: int = 0) -> Node:
    node = report(Node("n"), seconds, lead=lead)
    node.tidy(NOW)
    return node


@pytest.mark.parametrize(
    ("silence", "state"),
    [(0, State.LIVE), (5, State.LIVE), (6, State.STALE), (60, State.STALE), (61, State.DOWN), (9_000, State.DOWN)],
)
def test_a_node_is_live_stale_or_down_by_how_long_it_has_been_silent(silence: int, state: State) -> None:
    """A sample a second: more than five are a silence, more than sixty an absence."""
    assert node_of(range(-100, 1)).state(NOW + silence * SECOND_NS) is state


def test_a_slow_collector_has_its_own_patience() -> None:
    """One sample a minute: three of them missing make it stale, twelve make it down."""
    node = node_of(range(-600, 1, 60))
    assert [node.state(NOW + minutes * 60 * SECOND_NS) for minutes in (3, 4, 12, 13)] == [
        State.LIVE,
        State.STALE,
        State.STALE,
        State.DOWN,
    ]


def test_one_metric_that_reports_keeps_a_node_alive_and_the_silent_one_is_known() -> None:
    """As when one of four collectors has died."""
    node = report(node_of(range(-100, 1)), range(-100, -50, 5), "mem")
    node.tidy(NOW)
    assert node.state(NOW) is State.LIVE
    assert {metric: track.silent(NOW) for metric, track in node.tracks.items()} == {"cpu": False, "mem": True}


def test_since_when_is_the_end_of_the_last_pause() -> None:
    """Seen in the samples themselves, whatever was known first."""
    node = node_of(range(-300, -200))
    report(node, range(-100, 1))
    node.tidy(NOW)
    assert (node.since, node.since_seen) == (NOW - 100 * SECOND_NS, True)


def test_without_a_pause_it_is_older_than_what_is_known() -> None:
    """The first of the samples is no beginning."""
    node = node_of(range(-300, 1))
    assert (node.since, node.since_seen) == (NOW - 300 * SECOND_NS, False)


@pytest.mark.parametrize("lead", [-4, 0, 4, 600])
def test_a_broker_that_was_away_does_not_begin_a_node_anew(lead: int) -> None:
    """What was read meanwhile comes late, in a rush, and shows that the node was there all the time."""
    node = report(report(Node("n"), range(-400, -350), lead=lead), range(-300, -30), lead=lead)
    node.tidy(NOW - 30 * SECOND_NS)
    known = (node.since, node.since_seen)
    assert known[1]
    for second in range(-30, 0):
        node.take("cpu", Sample(NOW + (second + lead) * SECOND_NS, 5.0), NOW)
    report(node, range(1, 20), lead=lead)
    assert (node.since, node.since_seen) == known


def test_since_when_outlasts_the_plot() -> None:
    """When the beginning has moved out of the window it is still known; and a return after hours is seen."""
    node = node_of(range(-2000, -1500))
    report(node, range(1000))
    node.tidy(NOW + 1000 * SECOND_NS)
    report(node, range(1000, 4000))
    node.tidy(NOW + 4000 * SECOND_NS)
    assert (node.since, node.since_seen) == (NOW, True)


@pytest.mark.parametrize("lead", [-86_400, -6, 6, 600])
def test_a_clock_that_is_off_is_known_and_moves_the_plot(lead: int) -> None:
    """The plot ends where the node's own clock stands, so its newest sample is in it."""
    node = node_of(range(-100, 1), lead=lead)
    assert node.skew == lead * SECOND_NS
    assert node.points("cpu", NOW).times[-1] == NOW + lead * SECOND_NS
    assert len(node.points("cpu", NOW).times) == 101


def test_seconds_do_not_matter() -> None:
    """A network is slow now and then."""
    assert node_of(range(-100, 1), lead=-3).skew == 0


def test_late_samples_are_no_slow_clock() -> None:
    """What waited for a broker comes in a rush; the next that comes in time shows it."""
    node = report(Node("n"), range(-100, -10), late=90)
    report(node, range(2))
    assert node.skew == 0


def test_one_sample_of_another_time_changes_nothing() -> None:
    """A clock that jumps for a moment must not cost what was known, of this metric or of another."""
    node = report(report(Node("n"), range(-800, 1)), range(-800, 1, 5), "mem")
    report(node, range(1, 2), lead=20 * 3600)
    assert node.skew == 0
    node.tidy(NOW + SECOND_NS)
    assert len(node.points("cpu", NOW).times) == 801
    assert len(node.points("mem", NOW).times) == 161


@pytest.mark.parametrize("lead", [-300, 420, 7200])
def test_a_clock_that_was_off_for_a_while_costs_nothing_of_before(lead: int) -> None:
    """Neither while it is off, nor when it is right again."""
    node = report(Node("n"), range(-600, -20))
    report(node, range(-20, 0), lead=lead)
    node.tidy(NOW)
    report(node, range(20))
    node.tidy(NOW + 20 * SECOND_NS)
    assert set((NOW + np.arange(-600, -20) * SECOND_NS).tolist()) <= set(node.points("cpu", NOW).times.tolist())
    last = node.tracks["cpu"].last
    assert last is not None
    assert last.time == NOW + 19 * SECOND_NS


def test_a_collector_that_says_how_often_it_speaks_is_believed() -> None:
    """Once an hour, and not silent after a minute, though one sample has no rhythm."""
    node = Node("n")
    node.take("cpu", Sample(NOW, 5.0, interval=3600 * SECOND_NS), NOW)
    for _ in range(2):
        assert [node.state(NOW + hours * 3600 * SECOND_NS) for hours in (1, 3, 4, 13)] == [
            State.LIVE,
            State.LIVE,
            State.STALE,
            State.DOWN,
        ]
        node.tidy(NOW)


def test_history_that_is_told_again_makes_no_rivals() -> None:
    """As when a viewer has to ask for it anew."""
    node = Node("n")
    report(node, range(-20, -10), collector="old")
    report(node, range(-10, 1), collector="new")
    report(node, range(-20, -10), collector="old")
    report(node, range(-10, 5), collector="new")
    assert node.rivals is None


def test_a_clock_that_is_put_back_gives_the_newest_value_again() -> None:
    """For some samples the future counts, and then no longer."""
    node = report(Node("n"), range(-20, -18), lead=3600, value=99.0)
    report(node, range(-17, -17 + LEADS_KEPT), value=1.0)
    last = node.tracks["cpu"].last
    assert last is not None
    assert last.value == 1.0
    node.tidy(NOW)
    assert node.points("cpu", NOW).values.tolist() == [1.0] * LEADS_KEPT


def test_what_no_plot_shows_is_forgotten_but_for_the_last_value() -> None:
    """A node that is gone costs next to nothing."""
    node = node_of(range(-100, 1))
    node.tidy(NOW + 2 * SPAN_NS)
    track = node.tracks["cpu"]
    assert len(track.series.points(0, 2 * NOW).times) == 0
    assert track.last == Sample(NOW, 5.0)


@pytest.mark.parametrize(
    ("senders", "rivals"),
    [
        ("aaaa", None),
        ("aabb", None),
        ("aabbcc", None),
        ("aab" + "a", ("a", "b")),
        ("abab", ("a", "b")),
        ("ab c b", ("b", "c")),
        ("a  a", None),
    ],
)
def test_two_collectors_are_noticed_when_one_is_heard_again_after_the_other(
    senders: str, rivals: tuple[str, str] | None
) -> None:
    """One that was replaced by another is not heard again; one that does not say who it is proves nothing."""
    node = Node("n")
    for second, sender in enumerate(senders):
        report(node, range(second, second + 1), collector=sender.strip())
    assert node.rivals == rivals


def test_collectors_of_different_metrics_are_no_rivals_and_what_is_over_is_not_said() -> None:
    """A process a metric is how containers do it."""
    node = Node("n")
    for second in range(4):
        report(node, range(second, second + 1), "cpu", collector="a")
        report(node, range(second, second + 1), "mem", collector="b")
    assert node.rivals is None


def test_two_collectors_of_which_one_has_ended_are_not_said_for_ever() -> None:
    """A minute after the last of them was heard."""
    node = Node("n")
    for second, sender in enumerate("aba"):
        report(node, range(second, second + 1), collector=sender)
    report(node, range(3, 60), collector="a")
    assert node.rivals == ("a", "b")
    report(node, range(60, 63), collector="a")
    assert node.rivals is None
