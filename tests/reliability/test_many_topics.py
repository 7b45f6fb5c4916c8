"""Many more topics than files may be open: all are written to, kept over a kill, listed, and heard."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import zmq
from broker_process import BrokerProcess
from conftest import SocketFactory, StartBroker
from load import kept_in, outcome_of
from waiting import eventually

import mq
from mq.client.ack import Ack
from mq.client.link import Link, heads_of
from mq.protocol import HeadList, Heads, Stats, StatsReport, TopicList, Topics

TOPICS = 30_000
ALL = range(TOPICS)
SLICE = 1_500  # so many topics are made at once: a pushed frame that waits longer than a heartbeat does may be lost
OPEN_FILES = 256
SAMPLE = ALL[::299]  # 299 is no multiple of 3: of each way to send some
BESIDE, MORE_THAN_HALF = 80, 160
SECONDS_MAX = 60.0
LIMITED = '#!/bin/sh\nulimit -n {limit}\nexec "{python}" "$@"\n'
WAYS = ("written", "durable", "pushed")

Waiting = list[tuple[str, Ack]]


@pytest.fixture
def few_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have brokers started by a Python that may not open more than so many files."""
    limited = tmp_path / "python"
    limited.write_text(LIMITED.format(limit=OPEN_FILES, python=sys.executable))
    limited.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(limited))


def name_of(topic: int) -> str:
    """Return a topic's name, which says how it is written to."""
    return f"many/{topic // 300}/{topic}/{WAYS[topic % 3]}"


class Writers:
    """One for each way to send, each with a third of the topics."""

    def __init__(self, broker: BrokerProcess) -> None:
        self.acknowledged: dict[str, int] = {}
        self.unanswered = 0
        with ExitStack() as stack:
            self._producers = {
                "written": stack.enter_context(mq.Producer(broker.control, "written")),
                "durable": stack.enter_context(mq.Producer(broker.control, "durable")),
            }
            self._push = stack.enter_context(mq.Push(broker.ingest))
            self._stack = stack.pop_all()

    def __enter__(self) -> Writers:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def send(self, record: bytes, topics: range = ALL) -> Waiting:
        """Send a record to each of these topics, and return the answers to wait for."""
        waiting: Waiting = []
        for topic in topics:
            name = name_of(topic)
            producer = self._producers.get(WAYS[topic % 3])
            if producer is not None:
                waiting.append((name, producer.send(name, record)))
            else:
                assert self._push.ready(SECONDS_MAX)
                assert self._push.send(name, record)
        return waiting

    def settle(self, waiting: Waiting) -> None:
        """Wait for the answers. None may be a no."""
        for name, ack in waiting:
            outcome, offset = outcome_of(ack)
            assert outcome != "refused", name
            if offset is None:
                self.unanswered += 1
            else:
                self.acknowledged[name] = offset


class Hearer(Thread):
    """A subscriber to all from now on, on a thread of its own, until it has heard one record in every topic."""

    def __init__(self, broker: BrokerProcess, record: bytes) -> None:
        super().__init__(name="hearer", daemon=True)
        self.heard: set[str] = set()
        self._record = record
        self._subscriber = mq.Subscriber(broker.control, "#", datetime.now(UTC))
        self.start()

    def run(self) -> None:
        """Hear, until that is done or nothing comes any more."""
        with self._subscriber as subscriber:
            while len(self.heard) < TOPICS and (message := subscriber.receive(SECONDS_MAX)) is not None:
                if message.body == self._record:
                    self.heard.add(message.topic)


def heads(link: Link) -> dict[str, int]:
    """Return where each topic ends, page by page."""
    ends, after = dict[str, int](), None
    while True:
        page = link.ask(Heads(link.number(), ["#"], 0, after), HeadList)
        ends |= {topic: end for topic, end, _ in heads_of(page)}
        after = page.after
        if after is None:
            return ends


def listed(link: Link) -> dict[str, int]:
    """Return where each topic ends as the listing of topics has it."""
    ends, after = dict[str, int](), None
    while True:
        page = link.ask(Topics(link.number(), ["#"], after), TopicList)
        ends |= {row[0]: row[2] for row in page.topics}
        after = page.after
        if after is None:
            return ends


def topics_of(broker: BrokerProcess) -> int:
    """Return how many topics there are."""
    with Link(broker.control) as link:
        return len(heads(link))


def stats(link: Link) -> dict[str, Any]:
    return link.ask(Stats(link.number()), StatsReport).stats


def assert_nothing_refused(broker: BrokerProcess) -> None:
    """No frame was refused or left unstored, syncs go on, and nothing was said to be short of files."""
    with Link(broker.control) as link:
        before = stats(link)
        eventually(lambda: stats(link)["syncs"] > before["syncs"])
    assert before["refused"] == {}
    assert before["frames_unstored"] == 0
    said = broker.log.read_text()
    assert "Too many open files" not in said
    assert "Traceback" not in said


def assert_all_kept(broker: BrokerProcess, acknowledged: dict[str, int]) -> None:
    """All topics are there, as far as was acknowledged or further, each record in its place."""
    last = {message.topic: message for message in mq.last_values(broker.control, "#")}
    with Link(broker.control) as link:
        ends = heads(link)
        assert listed(link) == ends
    assert len(ends) == TOPICS
    assert all(ends[topic] > offset for topic, offset in acknowledged.items())
    assert {topic: message.offset for topic, message in last.items()} == {topic: end - 1 for topic, end in ends.items()}
    assert all(message.body == str(message.offset).encode() for message in last.values())
    for name in map(name_of, SAMPLE):
        kept = kept_in(broker.control, name)
        assert [(record.offset, record.body) for record in kept] == [
            (number, str(number).encode()) for number in range(ends[name])
        ]


def connect(broker: BrokerProcess, link: Link, socket: SocketFactory, count: int) -> Callable[[], bool]:
    """Connect so many pushing clients more, and return what tells whether the broker has them all."""
    wanted = accepted(link) + count
    for _ in range(count):
        socket(zmq.PUSH).connect(broker.ingest)
    return lambda: accepted(link) >= wanted


def accepted(link: Link) -> int:
    """Return how many connections ingest has taken."""
    return int(stats(link)["connections"].get("ingest", {}).get("accepted", 0))


@pytest.mark.usefixtures("few_files")
def test_more_connections_than_their_half_leave_the_journal_fewer_files_and_all_is_taken(
    start_broker: StartBroker, socket: SocketFactory
) -> None:
    broker = start_broker()
    some = ALL[:600]
    with Writers(broker) as writers, Link(broker.control) as link:
        has_them_all = connect(broker, link, socket, MORE_THAN_HALF)
        while not has_them_all():
            writers.settle(writers.send(b"x", some))
        writers.settle(writers.send(b"x", some))
        assert len(writers.acknowledged) == len(some) * 2 // 3
        assert writers.unanswered == 0
        assert stats(link)["refused"] == {}


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("few_files")
def test_30000_topics_under_a_limit_of_256_open_files(start_broker: StartBroker, socket: SocketFactory) -> None:
    broker = start_broker()
    with Link(broker.control) as link:
        eventually(connect(broker, link, socket, BESIDE))
    with Writers(broker) as writers:
        for first in ALL[::SLICE]:
            writers.settle(writers.send(b"0", ALL[first : first + SLICE]))
        eventually(lambda: topics_of(broker) == TOPICS, SECONDS_MAX)  # pushed frames may lag, and nobody answers them
        assert_nothing_refused(broker)
        waiting = writers.send(b"1")
        writers.settle(waiting[: TOPICS // 3])
        assert writers.unanswered == 0
        broker.kill()
        writers.settle(waiting[TOPICS // 3 :])
        broker.start()
        assert_all_kept(broker, writers.acknowledged)
        hearer = Hearer(broker, b"last")
        writers.settle(writers.send(b"last"))
        hearer.join(SECONDS_MAX)
        assert len(hearer.heard) == TOPICS
        assert_nothing_refused(broker)
