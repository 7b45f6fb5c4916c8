"""The feed against a scripted subscriber: what comes in, what goes wrong, and that the thread ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import msgpack
import pytest

from mq.errors import Gap, MqError, Refused, Rewound, Trimmed
from viewer.feed import Feed, Snapshot
from viewer.samples import SAMPLES_MAX, SECOND_NS, Sample
from viewer.shared import Shared, subscriber

NOW = 1_800_000_000 * SECOND_NS
PATIENCE_S = 10


class Told:
    """A message, as far as the feed reads it."""

    def __init__(self, body: bytes) -> None:
        self.body = body


class Script:
    """A subscriber that answers from a list, and then says nothing until it is closed."""

    def __init__(self, *steps: bytes | MqError | Exception | None) -> None:
        self._steps = iter(steps)
        self.connected = True
        self.finished, self.closed = threading.Event(), threading.Event()

    def receive(self, timeout: float | None = None) -> Told | None:  # noqa: ARG002 - time is not what it tests
        """Return or raise what comes next."""
        for step in self._steps:
            if isinstance(step, Exception):
                raise step
            return None if step is None else Told(step)
        self.finished.set()
        self.closed.wait(0.01)
        return None

    def close(self) -> None:
        """Remember that it was asked to."""
        self.closed.set()


def body(second: int, value: float = 50.0) -> bytes:
    packed: bytes = msgpack.packb({"time": NOW - second * SECOND_NS, "value": value})
    return packed


def follow(*scripts: Script) -> Snapshot:
    """Run a feed through these subscribers, one after another, and return what it knew in the end."""
    rest = iter(scripts)
    feed = Feed("n", "tcp://broker", lambda: next(rest), clock=lambda: NOW)
    feed.start()
    assert scripts[-1].finished.wait(PATIENCE_S)
    known = feed.snapshot
    feed.close()
    assert all(script.closed.is_set() for script in scripts)
    return known


@pytest.fixture(autouse=True)
def _no_thread_stays() -> Iterator[None]:
    yield
    assert "feed" not in {thread.name for thread in threading.enumerate()}


def test_samples_come_out_in_the_order_of_their_own_time() -> None:
    """A spooled sample arrives late, and is put where it belongs."""
    known = follow(Script(body(5), None, body(3), body(4, 7.0), body(1)))
    assert known.samples == tuple(
        Sample(NOW - second * SECOND_NS, value) for second, value in ((5, 50.0), (4, 7.0), (3, 50.0), (1, 50.0))
    )
    assert known.connected
    assert known.version == 4


def test_what_is_no_sample_is_counted_and_costs_nothing_else() -> None:
    """Neighbours of a bad record are there."""
    known = follow(Script(body(2), b"\xc1", body(1, 101.0), b"\xc1", body(0)))
    assert dict(known.skipped) == {"not msgpack": 2, "impossible value": 1}
    assert len(known.samples) == 2


def test_gaps_are_counted_and_receiving_goes_on() -> None:
    """The three things that a subscriber reports in between."""
    known = follow(Script(body(2), Gap("t", 3, 5), body(1), Trimmed("t", 0, 9), Rewound("t", 9, 2), body(0)))
    assert (known.gaps, len(known.samples)) == (3, 3)


@pytest.mark.parametrize("error", [Refused("denied"), RuntimeError("a surprise")])
def test_after_an_error_it_opens_again_and_keeps_what_it_has(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told twice, a sample is there once."""
    monkeypatch.setattr("viewer.feed.REOPEN_S", 0)
    known = follow(Script(body(2), error), Script(body(2), body(1)))
    assert len(known.samples) == 2
    assert known.fault == ""


def test_a_fault_is_said_while_it_lasts() -> None:
    """What the subscriber said stands in the snapshot, and no connection with it."""
    opened = threading.Event()

    def subscribe() -> Script:
        opened.set()
        raise Refused("denied", "no grant")

    feed = Feed("n", "tcp://broker", subscribe)
    feed.start()
    assert opened.wait(PATIENCE_S)
    feed.close()
    assert "denied" in feed.snapshot.fault
    assert not feed.snapshot.connected


def test_a_flood_is_bounded() -> None:
    """The window keeps its limit, and the newest."""
    known = follow(Script(*(body(second) for second in range(SAMPLES_MAX + 50, -1, -1))))
    assert len(known.samples) == SAMPLES_MAX
    assert known.samples[-1].time == NOW


def test_all_who_ask_share_one_feed() -> None:
    """Started once, by the first; stopped by `close`."""
    source, started = Script(), []

    def start() -> Feed:
        feed = Feed("n", "tcp://broker", lambda: source)
        feed.start()
        started.append(feed)
        return feed

    shared = Shared(start)
    assert [shared.get() is shared.get() for _ in range(3)] == [True] * 3
    shared.close()
    shared.close()
    assert len(started) == 1
    assert source.closed.is_set()


def test_a_node_whose_name_is_no_topic_is_told_so() -> None:
    """A wildcard in a name must not subscribe to everything."""
    subscribe = subscriber("tcp://127.0.0.1:5557", "host/#/cpu")
    with pytest.raises(MqError, match="is not a topic"):
        subscribe()
