"""The feed against a scripted subscriber: what comes in, what goes wrong, and that the thread ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import pytest
from node_kit import NOW, body

from mq.errors import Gap, MqError, Refused, Rewound, Trimmed, Unreachable
from viewer.feed import Feed
from viewer.nodes import State
from viewer.samples import SECOND_NS
from viewer.shared import Shared

PATIENCE_S = 10


class Told(NamedTuple):
    """A message, as far as the feed reads it."""

    body: bytes
    topic: str = "host/n/cpu"
    time: int = NOW
    offset: int | None = 0


class Script:
    """A subscriber that answers from a list, and then says nothing until it is closed."""

    def __init__(self, *steps: bytes | Told | Exception | None) -> None:
        self._steps = iter(steps)
        self.connected = True
        self.clock_ahead_ns = 0
        self.finished, self.closed = threading.Event(), threading.Event()

    def receive(self, timeout: float | None = None) -> Told | None:  # noqa: ARG002 - time is not what it tests
        """Return or raise what comes next."""
        for step in self._steps:
            if isinstance(step, Exception):
                raise step
            return Told(step) if isinstance(step, bytes) else step
        self.finished.set()
        self.closed.wait(0.01)
        return None

    def close(self) -> None:
        """Remember that it was asked to."""
        self.closed.set()


def never() -> Iterable[Told]:
    return ()


def follow(*scripts: Script, last: Callable[[], Iterable[Told]] = never) -> Feed:
    """Run a feed through these subscribers, one after another, and return it when it has ended."""
    rest = iter(scripts)
    feed = Feed("tcp://broker", lambda: next(rest), last, clock=lambda: NOW)
    feed.start()
    assert scripts[-1].finished.wait(PATIENCE_S)
    feed.close()
    assert all(script.closed.is_set() for script in scripts)
    return feed


def times(feed: Feed, name: str = "n", metric: str = "cpu") -> list[int]:
    """Return how many seconds ago the points of a node are."""
    with feed.looking() as fleet:
        (node,) = [node for node in fleet.part("", 1, 100).nodes if node.name == name]
        return [int(NOW - time) // SECOND_NS for time in node.points(metric, NOW).times]


@pytest.fixture(autouse=True)
def _no_thread_stays(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("viewer.feed.COUNT_S", 0)
    yield
    assert "feed" not in {thread.name for thread in threading.enumerate()}


def test_samples_of_all_nodes_come_out_in_the_order_of_their_own_time() -> None:
    """A spooled sample arrives late, and is put where it belongs."""
    feed = follow(Script(body(5), None, body(3), Told(body(2), "host/m/net"), body(4, 7.0), body(1)))
    assert times(feed) == [5, 4, 3, 1]
    assert times(feed, "m", "net") == [2]
    assert feed.health.connected
    assert feed.health.states == {State.LIVE: 2}


def test_the_last_word_of_a_node_that_is_silent_for_long_is_known() -> None:
    """It is asked for once there is a broker, and told twice it is there once and not counted twice."""
    old = Told(body(9000), "host/old/cpu", NOW - 9000 * SECOND_NS)
    feed = follow(Script(None, body(1), b"x"), last=lambda: [old, Told(body(1)), Told(b"x")])
    with feed.looking() as fleet:
        assert fleet.count(NOW) == {State.LIVE: 1, State.DOWN: 1}
        assert fleet.skipped.total() == 1
    assert times(feed) == [1]


def test_a_broker_that_does_not_tell_the_last_word_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """All begins anew, and nothing is lost."""
    monkeypatch.setattr("viewer.feed.REOPEN_S", 0)
    answers: Iterator[MqError | list[Told]] = iter([Unreachable("tcp://broker", 1.0), [Told(body(7))]])

    def last() -> Iterable[Told]:
        answer = next(answers)
        if isinstance(answer, MqError):
            raise answer
        return answer

    assert times(follow(Script(body(2)), Script(body(1)), last=last)) == [7, 2, 1]


def test_gaps_are_counted_and_receiving_goes_on() -> None:
    """The three things that a subscriber reports in between."""
    feed = follow(Script(body(2), Gap("t", 3, 5), body(1), Trimmed("t", 0, 9), Rewound("t", 9, 2), body(0)))
    assert (feed.health.gaps, times(feed)) == (3, [2, 1, 0])


@pytest.mark.parametrize("error", [Refused("denied"), RuntimeError("a surprise")])
def test_after_an_error_it_opens_again_and_keeps_what_it_has(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told twice, a sample is there once."""
    monkeypatch.setattr("viewer.feed.REOPEN_S", 0)
    feed = follow(Script(body(2), error), Script(body(2), body(1)))
    assert times(feed) == [2, 1]
    assert feed.health.fault == ""


def test_a_fault_is_said_while_it_lasts() -> None:
    """What the subscriber said stands there, and no connection with it."""
    opened = threading.Event()

    def subscribe() -> Script:
        opened.set()
        raise Refused("denied", "no grant")

    feed = Feed("tcp://broker", subscribe, never)
    feed.start()
    assert opened.wait(PATIENCE_S)
    feed.close()
    assert "denied" in feed.health.fault
    assert not feed.health.connected


def test_what_was_not_stored_is_counted() -> None:
    """It is on the page, and nowhere else."""
    feed = follow(Script(body(2), Told(body(1), offset=None), Told(body(0), time=NOW + 5, offset=None)))
    assert (feed.health.unstored, feed.health.unstored_at) == (2, NOW + 5)
    assert times(feed) == [2, 1, 0]


def test_time_is_the_brokers() -> None:
    """A viewer whose clock is a minute and a half fast does not take living nodes for dead ones."""
    script = Script(Told(body(90), time=NOW - 90 * SECOND_NS))
    script.clock_ahead_ns = -90 * SECOND_NS
    feed = follow(script)
    assert feed.now() == NOW - 90 * SECOND_NS
    assert feed.health.states == {State.LIVE: 1}


def test_while_the_broker_is_away_nodes_are_judged_as_of_when_it_was_there() -> None:
    """And a moment longer, until what they have said meanwhile can have come."""
    feed = Feed("tcp://broker", Script, never, clock=lambda: NOW)
    judged = [
        feed._freeze(moment, NOW + moment * SECOND_NS, connected=connected)
        for moment, connected in ((0, False), (1, True), (7, True), (8, False), (20, False), (21, True), (26, True))
    ]
    there = NOW + 7 * SECOND_NS
    assert judged == [None, None, None, there, there, there, None]


def test_all_who_ask_share_one_feed() -> None:
    """Started once, by the first; stopped by `close`."""
    source, started = Script(), []

    def start() -> Feed:
        feed = Feed("tcp://broker", lambda: source, never)
        feed.start()
        started.append(feed)
        return feed

    shared = Shared(start)
    assert [shared.get() is shared.get() for _ in range(3)] == [True] * 3
    shared.close()
    shared.close()
    assert len(started) == 1
    assert source.closed.is_set()
