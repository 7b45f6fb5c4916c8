"""Answering from the journal: slices within a credit, in turn, and what goes wrong."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from broker_kit import MemoryJournal
from raw_wire import make, take_apart

from mq.broker.control import Job
from mq.broker.ledger import Ledger
from mq.broker.reader import Reader, answer
from mq.config import Config
from mq.errors import Trimmed
from mq.frame import check
from mq.journal.file_journal import FileJournal
from mq.journal.interface import Slice
from mq.protocol import (
    Control,
    Failure,
    Fetch,
    Frames,
    HeadList,
    Heads,
    Last,
    LastFrames,
    OffsetAt,
    OffsetFound,
    TopicList,
    Topics,
    decode,
)

CONFIG = Config(fetch_slice_bytes=4096, fetch_credit_bytes_max=1 << 16)
TOPIC = "a/b"
BODY = b"x" * 950
DEADLINE_S = 10.0


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[FileJournal]:
    journal = FileJournal(str(tmp_path), Config())
    journal.append([check(make(TOPIC.encode(), BODY, sequence=number)) for number in range(100)])
    yield journal
    journal.close()


def frames_of(journal: FileJournal, request: Fetch) -> tuple[list[int], list[Frames]]:
    """Ask until nothing is left of the request."""
    replies: list[Frames] = []
    rest: Fetch | None = request
    while rest is not None:
        reply, rest = answer(journal, Ledger(), rest, CONFIG, replies[-1].epoch if replies else None)
        assert isinstance(reply, Frames)
        replies.append(reply)
    return [frame.offset for reply in replies for frame in take_apart(reply.frames)], replies


def test_slices_go_on_where_the_one_before_ended_and_stay_within_the_credit(journal: FileJournal) -> None:
    offsets, replies = frames_of(journal, Fetch(3, TOPIC, 10, credit=20_000))
    assert offsets == list(range(10, 10 + len(offsets)))
    assert [reply.more for reply in replies] == [True] * (len(replies) - 1) + [False]
    assert 20_000 <= sum(len(reply.frames) for reply in replies) < 20_000 + 1_100
    assert all(len(reply.frames) < 4096 + 1_100 for reply in replies)
    assert {reply.id for reply in replies} == {3}


def test_a_credit_above_the_most_counts_as_the_most(journal: FileJournal) -> None:
    _, replies = frames_of(journal, Fetch(1, TOPIC, 0, credit=2**64 - 1))
    assert 1 << 16 <= sum(len(reply.frames) for reply in replies) < (1 << 16) + 1_100


def test_the_last_slice_ends_at_the_topics_end(journal: FileJournal) -> None:
    offsets, replies = frames_of(journal, Fetch(1, TOPIC, 95))
    assert offsets == [95, 96, 97, 98, 99]
    assert (replies[-1].next, replies[-1].end, replies[-1].more) == (100, 100, False)


def test_at_the_end_an_answer_is_empty(journal: FileJournal) -> None:
    offsets, replies = frames_of(journal, Fetch(1, TOPIC, 100))
    assert offsets == []
    assert replies == [Frames(1, TOPIC, b"", 100, journal.epoch, 100)]


@pytest.mark.parametrize("topic", ["", "nothing/here", "../a/b", "a\0b", "ä" * 1000, "/", "#"])
def test_a_topic_that_is_none_is_empty(journal: FileJournal, topic: str) -> None:
    assert answer(journal, Ledger(), Fetch(1, topic, 0), CONFIG) == (Frames(1, topic, b"", 0, 0, 0), None)
    assert answer(journal, Ledger(), OffsetAt(1, topic, 0), CONFIG) == (OffsetFound(1, topic, 0), None)


def test_each_question_has_its_answer(journal: FileJournal) -> None:
    found = [
        answer(journal, Ledger(), request, CONFIG)[0] for request in (Last(1, ["#"]), Heads(1, ["#"]), Topics(1, ["#"]))
    ]
    last, heads, topics = found
    assert isinstance(last, LastFrames)
    assert isinstance(heads, HeadList)
    assert isinstance(topics, TopicList)
    assert [frame.offset for frame in take_apart(last.frames)] == [99]
    assert heads.heads == [[TOPIC, 100, journal.epoch]]
    assert [row[:3] for row in topics.topics] == [[TOPIC, 0, 100]]


def test_rewound_and_trimmed_are_failures_that_carry_their_facts(journal: FileJournal) -> None:
    found, rest = answer(journal, Ledger(), Fetch(4, TOPIC, 101), CONFIG)
    assert rest is None
    assert isinstance(found, Failure)
    assert (found.id, found.error, found.facts) == (4, "rewound", {"topic": TOPIC, "wanted": 101, "end": 100})

    class Trimming(MemoryJournal):
        def read(self, topic: str, offset: int, epoch: int | None, size: int) -> Slice:  # noqa: ARG002 - the face
            raise Trimmed(topic, offset, 50)

    found, rest = answer(Trimming(), Ledger(), Fetch(4, TOPIC, 1), CONFIG)
    assert rest is None
    assert isinstance(found, Failure)
    assert (found.error, found.facts) == ("trimmed", {"topic": TOPIC, "wanted": 1, "first_kept": 50})


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), OSError(), RuntimeError("a bug"), KeyError("a")])
def test_whatever_goes_wrong_with_a_request_is_its_answer(error: Exception) -> None:
    """A request that hits a bug must not end the thread that answers all others."""
    found, rest = answer(MemoryJournal(crash=error), Ledger(), Fetch(4, TOPIC, 0), CONFIG)
    assert rest is None
    assert isinstance(found, Failure)
    assert (found.id, found.error) == (4, "failed")
    assert found.detail


# --- the thread ---------------------------------------------------------------------------------------------------


@dataclass
class Deliveries:
    """What the reader delivered, in order."""

    ended: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    done: list[tuple[bytes, Control, bool]] = field(default_factory=list)
    first: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    def __call__(self, job: Job, message: bytes, ends_job: bool) -> None:
        """Take a delivery, and let the test hold the reader up at it."""
        self.done.append((job.client, decode(message), ends_job))
        self.first.set()
        assert self.go_on.wait(DEADLINE_S)
        if ends_job:
            self.ended.release()


@pytest.fixture
def deliveries() -> Deliveries:
    return Deliveries()


@pytest.fixture
def reader(journal: FileJournal, deliveries: Deliveries) -> Iterator[Reader]:
    reader = Reader(journal, Ledger(), CONFIG, deliveries, lambda error: pytest.fail(repr(error)))
    reader.start()
    yield reader
    deliveries.go_on.set()
    reader.stop()


def test_who_asks_for_much_does_not_hold_up_who_asks_for_little(reader: Reader, deliveries: Deliveries) -> None:
    for client in (b"much", b"more", b"little"):
        reader.submit(Job(client, Fetch(1, TOPIC, 0, credit=4096 if client == b"little" else 1 << 16)))
    deliveries.go_on.set()
    for _ in range(3):
        assert deliveries.ended.acquire(timeout=DEADLINE_S)
    order = [client for client, _, _ in deliveries.done]
    assert order[:5] == [b"much", b"more", b"little", b"much", b"more"]
    for client in (b"much", b"more"):
        replies = [found for who, found, _ in deliveries.done if who == client]
        assert all(isinstance(found, Frames) for found in replies)
        assert [ends for who, _, ends in deliveries.done if who == client] == [False] * (len(replies) - 1) + [True]


def test_stopping_leaves_what_still_waits_unanswered(reader: Reader, deliveries: Deliveries) -> None:
    for number in range(200):
        reader.submit(Job(b"%d" % number, Fetch(1, TOPIC, 0)))
    assert deliveries.first.wait(DEADLINE_S)
    stopping = threading.Thread(target=reader.stop)
    stopping.start()
    stopped = threading.Event()
    deliveries.go_on.set()
    stopping.join(DEADLINE_S)
    stopped.set()
    assert len(deliveries.done) < 10


def test_before_a_gap_an_answer_ends_and_the_next_one_begins_with_it(journal: FileJournal, tmp_path: Path) -> None:
    """Who asks on is where it was, and hears what is lost from the first slice."""
    (log,) = (tmp_path / "topics" / TOPIC).glob("@*.log")
    data = bytearray(log.read_bytes())
    at = data.find(TOPIC.encode() + b"\0", len(data) // 3)
    data[at + 90] ^= 1
    log.write_bytes(data)
    offsets, replies = frames_of(journal, Fetch(1, TOPIC, 0))
    assert offsets == list(range(len(offsets)))
    assert 0 < len(offsets) < 100
    assert (replies[-1].frames, replies[-1].next, replies[-1].more, replies[-1].lost) == (
        b"",
        len(offsets),
        False,
        None,
    )
    behind, found = frames_of(journal, Fetch(2, TOPIC, len(offsets), replies[-1].epoch))
    assert found[0].lost == len(offsets) + 1
    assert behind == list(range(len(offsets) + 1, 100))
