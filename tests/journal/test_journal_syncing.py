"""Syncing many logs, and marking some of them at a time: a mark may be behind, never ahead, and never for long."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from journal_faults import FaultyFiles
from journal_kit import ALL, SMALL, Box, Clock, checked, fill, put, read_all

from mq.config import Config
from mq.journal import layout
from mq.journal.file_journal import FileJournal
from mq.journal.mark import Mark
from mq.journal.recovery import read_mark
from mq.journal.syncing import FAR_BYTES, SYNC_ONE_BY_ONE_MAX

TOPICS = [f"t{number:02}" for number in range(40)]
LARGE = b"x" * (512 << 10)


@pytest.fixture
def files() -> FaultyFiles:
    return FaultyFiles()


@pytest.fixture
def box(tmp_path: Path, files: FaultyFiles) -> Iterator[Box]:
    box = Box(tmp_path / "data", files=files)
    yield box
    box.kill()


def put_in_all(journal: FileJournal) -> None:
    assert all(run.error is None for run in journal.append([checked(topic, b"x") for topic in TOPICS]))


def mark_of(box: Box, topic: str) -> Mark | None:
    return read_mark(box.files, str(box.directory(topic)), topic.encode() + b"\0")


def mark_some(journal: FileJournal, count: int) -> None:
    """Write marks for as long as so many take, by a clock that moves on with each look at it."""
    journal._syncing._clock = Clock(0, 1)
    journal._syncing.write_marks(count + 1)


def marked(box: Box) -> list[str]:
    """Return the topics that have a mark."""
    return [topic for topic in TOPICS if mark_of(box, topic) is not None]


def ends(journal: FileJournal) -> dict[str, int]:
    return {info.topic: info.next for info in journal.topics(ALL, None, 99)[0]}


def test_more_than_a_few_logs_are_synced_by_one_call(box: Box, files: FaultyFiles) -> None:
    assert len(TOPICS) > SYNC_ONE_BY_ONE_MAX
    journal = box.open()
    put_in_all(journal)
    files.done.clear()
    journal.sync()
    assert files.done == [("sync_filesystem", box.data)]


def test_of_many_logs_as_many_are_marked_as_the_time_allows_and_the_others_later(box: Box) -> None:
    journal = box.open()
    put_in_all(journal)
    for round_ in range(1, 5):
        journal.sync()
        mark_some(journal, 10)
        assert len(marked(box)) == 10 * round_


def test_those_that_have_waited_longest_are_marked_first_however_busy_the_others_are(box: Box) -> None:
    journal = box.open()
    put_in_all(journal)
    journal.sync()
    mark_some(journal, 10)
    first = marked(box)
    journal.append([checked(topic, b"y") for topic in first])
    for _ in range(3):
        journal.sync()
        mark_some(journal, 10)
    assert marked(box) == TOPICS
    assert [mark.next for topic in first if (mark := mark_of(box, topic))] == [1] * len(first)


def test_a_log_that_has_moved_far_is_marked_before_its_turn(box: Box) -> None:
    journal = box.open(Config())
    put_in_all(journal)
    journal.sync()
    for _ in range(FAR_BYTES // len(LARGE)):
        put(journal, LARGE, topic=TOPICS[-1])
    journal.sync()
    mark_some(journal, 0)
    assert marked(box) == [TOPICS[-1]]


def test_a_log_whose_segment_is_another_one_is_marked_before_its_turn(box: Box) -> None:
    journal = box.open(SMALL)
    fill(journal, 20, topic=TOPICS[0])
    journal.sync()
    fill(journal, 20, topic=TOPICS[0])
    assert len(box.segments(TOPICS[0])) == 2
    journal.sync()
    mark_some(journal, 0)
    assert marked(box) == [TOPICS[0]]


def test_a_mark_written_late_says_where_the_log_ends_and_no_more_than_was_synced(box: Box, files: FaultyFiles) -> None:
    journal = box.open()
    put_in_all(journal)
    journal.sync()
    mark_some(journal, 10)
    put_in_all(journal)
    files.done.clear()
    journal.sync()
    journal._syncing.write_marks()
    operations = [operation for operation, _ in files.done]
    assert operations.index("sync_filesystem") < operations.index("write_at")
    assert {mark.next for topic in TOPICS if (mark := mark_of(box, topic))} == {2}


def test_a_log_that_cannot_be_marked_does_not_hold_up_the_others(box: Box, files: FaultyFiles) -> None:
    journal = box.open()
    put_in_all(journal)
    journal.sync()
    fault = files.add("open", layout.MARK, errno.ENOSPC, times=10)
    mark_some(journal, 10)
    assert fault.hits == 10
    for _ in range(3):
        mark_some(journal, 10)
    assert len(marked(box)) == 30
    mark_some(journal, 10)
    assert marked(box) == TOPICS


@pytest.mark.parametrize("at_once", [0, 7, 40])
def test_what_no_mark_knows_of_is_there_after_a_kill(box: Box, at_once: int) -> None:
    journal = box.open()
    for _ in range(3):
        put_in_all(journal)
        journal.sync()
        mark_some(journal, at_once)
    journal = box.open()
    assert ends(journal) == dict.fromkeys(TOPICS, 3)
    assert all(len(read_all(journal, topic).records) == 3 for topic in TOPICS)
    assert not box.quarantine()


def test_a_mark_that_is_behind_leaves_a_torn_tail_to_be_cut(box: Box) -> None:
    journal = box.open()
    put_in_all(journal)
    journal.sync()
    mark_some(journal, 1)
    put_in_all(journal)
    journal.sync()
    box.kill()
    for topic in TOPICS:
        (segment,) = box.segments(topic)
        os.truncate(segment, segment.stat().st_size - 1)
    journal = box.open()
    assert ends(journal) == dict.fromkeys(TOPICS, 1)
    assert len(box.quarantine()) == len(TOPICS)


def test_after_an_orderly_end_every_log_is_marked_at_its_end(box: Box) -> None:
    journal = box.open()
    put_in_all(journal)
    journal.checkpoint()
    put_in_all(journal)
    journal.close()
    box.opened.clear()
    assert {mark.next for topic in TOPICS if (mark := mark_of(box, topic))} == {2}
    assert marked(box) == TOPICS
