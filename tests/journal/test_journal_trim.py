"""Deleting the oldest segments: what is kept stays as it was, and who wants what is gone is told."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest
from journal_faults import FaultyFiles
from journal_kit import ALL, SECOND, TOPIC, Box, fill, put, read_all

from mq.errors import Rewound, Trimmed
from mq.journal.file_journal import FileJournal
from mq.journal.reading import LogReader, Pick
from mq.journal.scan import Event
from mq.journal.segment import Segment
from mq.journal.state import State
from mq.journal.topic_log import TopicLog
from mq.journal.verify import verify


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path / "data")


def bases(box: Box) -> list[int]:
    return [int(path.name[1:21]) for path in box.segments()]


def offsets(journal: FileJournal, start: int) -> list[int]:
    return list(read_all(journal, TOPIC, start).records)


def test_whole_segments_below_an_offset_go_and_the_rest_stays(box: Box) -> None:
    journal = box.open()
    fill(journal, 100)
    first, second, third, *_ = bases(box)
    assert first == 0
    assert journal.trim(TOPIC, third - 1) == second
    assert journal.trim(TOPIC, third) == third
    assert bases(box)[0] == third
    assert offsets(journal, third) == list(range(third, 100))
    assert len(list(box.directory().glob("@*.index"))) <= len(bases(box))
    with pytest.raises(Trimmed) as caught:
        journal.read(TOPIC, third - 1, None, 1)
    assert (caught.value.wanted, caught.value.first_kept) == (third - 1, third)


def test_the_active_segment_is_never_deleted(box: Box) -> None:
    journal = box.open()
    fill(journal, 100)
    last = bases(box)[-1]
    assert journal.trim(TOPIC, 1_000) == last
    assert bases(box) == [last]
    assert put(journal, b"next").offset == 100
    assert offsets(journal, last) == list(range(last, 101))


def test_what_is_trimmed_stays_so_through_a_kill(box: Box) -> None:
    journal = box.open()
    fill(journal, 100)
    kept = journal.trim(TOPIC, 60)
    journal = box.open()
    assert journal.trim(TOPIC, 0) == kept
    assert offsets(journal, kept) == list(range(kept, 100))
    assert verify(box.data).findings == []


def test_a_position_at_the_first_offset_that_is_kept_is_held_against_what_can_be_known(box: Box) -> None:
    """The record before it is gone; but none of a later life can have been before one of an earlier."""
    journal = box.open()
    fill(journal, 100)
    epoch = journal.epoch
    first = journal.trim(TOPIC, 60)
    assert journal.read(TOPIC, first, epoch, 1).next > first
    assert journal.read(TOPIC, first, epoch - 1, 1).next > first
    with pytest.raises(Rewound):
        journal.read(TOPIC, first, epoch + 1, 1)


def test_a_position_at_the_end_of_a_topic_that_is_all_gone_is_held_against_its_last_record(box: Box) -> None:
    journal = box.open()
    fill(journal, 5)
    journal.checkpoint()
    (log,) = journal._catalog.all()
    journal._upkeep.roll(log)
    assert journal.trim(TOPIC, 5) == 5
    assert journal.read(TOPIC, 5, journal.epoch, 1).next == 5
    for wrong in (journal.epoch - 1, journal.epoch + 1):
        with pytest.raises(Rewound):
            journal.read(TOPIC, 5, wrong, 1)


def test_where_a_topic_ended_is_known_also_when_its_last_record_went_before_a_checkpoint(box: Box) -> None:
    journal = box.open()
    fill(journal, 5)
    epoch, appended = journal.epoch, box.clock.now
    (log,) = journal._catalog.all()
    journal._upkeep.roll(log)
    assert journal.trim(TOPIC, 5) == 5
    box.clock.now -= SECOND
    journal = box.open()
    assert journal.read(TOPIC, 5, epoch, 1).next == 5
    put(journal, b"x")
    assert journal.topics(ALL, None, 9)[0][0].appended == appended


def test_a_topic_that_is_not_there_has_nothing_to_trim(box: Box) -> None:
    assert box.open().trim("nobody", 7) == 0


@pytest.mark.parametrize("ending", [".log", ".index"])
def test_a_deletion_that_fails_leaves_the_log_whole(box: Box, ending: str) -> None:
    files = box.files = FaultyFiles()
    journal = box.open()
    fill(journal, 100)
    fault = files.add("remove", ending, errno.EROFS)
    with pytest.raises(OSError, match="Read-only"):
        journal.trim(TOPIC, 60)
    assert offsets(journal, 0) == list(range(100))
    files.faults.remove(fault)
    assert journal.trim(TOPIC, 60) > 0
    assert verify(box.data).findings == []


def test_a_file_that_somebody_else_deleted_is_no_reason_to_stop(box: Box) -> None:
    journal = box.open()
    fill(journal, 100)
    box.segments()[0].unlink()
    third = bases(box)[1]
    assert journal.trim(TOPIC, third) == third


def test_a_reader_inside_of_what_is_trimmed_is_told(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was on its way through the file; what it gets is no half of it."""
    journal = box.open()
    fill(journal, 100)
    go_through = LogReader._events

    def trim_meanwhile(self: LogReader, log: TopicLog, state: State, segment: Segment, pick: Pick) -> Iterator[Event]:
        for event in go_through(self, log, state, segment, pick):
            journal.trim(TOPIC, 1_000)
            yield event

    monkeypatch.setattr(LogReader, "_events", trim_meanwhile)
    with pytest.raises(Trimmed) as caught:
        journal.read(TOPIC, 0, None, 1 << 20)
    assert caught.value.first_kept == bases(box)[-1]


def test_a_reader_that_comes_to_a_file_just_deleted_is_told(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """It had looked at what there is before."""
    journal = box.open()
    fill(journal, 100)
    open_file = box.files.open

    def trim_before(path: str, flags: int) -> int:
        if path == first.path:
            journal.trim(TOPIC, 1_000)
        return open_file(path, flags)

    first = Segment(str(box.directory()), 0, 0)
    monkeypatch.setattr(box.files, "open", trim_before)
    with pytest.raises(Trimmed):
        journal.read(TOPIC, 0, None, 1)
    assert journal.offset_at(TOPIC, 0) == bases(box)[-1]
    assert journal.last([], None, 1) == (b"", None)
