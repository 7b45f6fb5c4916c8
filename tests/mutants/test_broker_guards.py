"""Guards of the journaling thread that no other test misses when they are taken out, with a real journal below."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgpack
import pytest
from waiting import eventually

from mq.broker.counters import Counters
from mq.broker.intake import Done, Intake, Turn
from mq.broker.journaling import Journaling
from mq.broker.ledger import Ledger
from mq.broker.telling import Telling
from mq.config import Config
from mq.frame import Wanted, encode
from mq.journal.file_journal import FileJournal
from mq.journal.files import Files

HOUR_S = 3_600.0
SOON_S = 0.5
TURNS_MAX = 200
NOW = 1_764_000_000 * 1_000_000_000
SYNC = "sync"

Events = list[str]
Deliver = Callable[[Done, bool], None]


class SeenFiles(Files):
    """The real files. Notes when a file is synced, once it is."""

    def __init__(self, events: Events) -> None:
        self._events = events

    def sync(self, descriptor: int) -> None:
        """Sync, and note it."""
        super().sync(descriptor)
        self._events.append(SYNC)


def frame(wanted: Wanted = Wanted.NONE) -> bytes:
    return encode("a", [b"x"], produced=1, producer=1, sequence=0, wanted=wanted)


@pytest.fixture
def events() -> Events:
    return []


@pytest.fixture
def journal(tmp_path: Path, events: Events) -> Iterator[FileJournal]:
    journal = FileJournal(str(tmp_path / "data"), Config(), SeenFiles(events), clock=lambda: NOW)
    events.clear()
    yield journal
    journal.close()


@contextmanager
def journaling(journal: FileJournal, deliver: Deliver, interval_s: float) -> Iterator[Journaling]:
    """Run a journaling thread; its death fails the test."""
    deaths: list[BaseException] = []
    counters = Counters()
    intake = Intake(journal, Config(), counters, Ledger())
    thread = Journaling(journal, intake, Telling(journal, counters, 0), interval_s, deliver, deaths.append)
    thread.start()
    try:
        yield thread
    finally:
        thread.stop()
    assert deaths == []


def test_a_durable_acknowledgement_leaves_after_the_sync_that_makes_it_true(
    journal: FileJournal, events: Events
) -> None:
    def deliver(done: Done, _: bool) -> None:
        events.extend(str(msgpack.unpackb(message)["op"]) for _, message in done.replies)

    with journaling(journal, deliver, HOUR_S) as thread:
        thread.submit(Turn([], [(b"ann", frame(Wanted.DURABLE))]))
        eventually(lambda: "acks" in events)
    assert events.index(SYNC) < events.index("acks")


def test_under_load_that_never_ends_what_nobody_waits_for_is_synced_all_the_same(
    journal: FileJournal, events: Events
) -> None:
    turns: list[Done] = []

    def deliver(done: Done, ends_turn: bool) -> None:
        turns.append(done)
        if ends_turn and SYNC not in events and len(turns) < TURNS_MAX:
            thread.submit(Turn([frame()]))  # the next one is there before this one is done with

    with journaling(journal, deliver, 0.0) as thread:
        thread.submit(Turn([frame()]))
        eventually(lambda: SYNC in events or len(turns) == TURNS_MAX)
        assert len(turns) < TURNS_MAX


def test_what_nobody_waits_for_is_synced_soon_when_nothing_more_comes(journal: FileJournal, events: Events) -> None:
    with journaling(journal, lambda *_: None, SOON_S) as thread:
        thread.submit(Turn([frame()]))
        eventually(lambda: SYNC in events, 10 * SOON_S)


def test_what_was_submitted_is_synced_when_the_thread_has_been_stopped(journal: FileJournal, events: Events) -> None:
    with journaling(journal, lambda *_: None, HOUR_S) as thread:
        thread.submit(Turn([frame()]))
    assert SYNC in events
