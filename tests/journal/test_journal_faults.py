"""Calls that fail: what is refused, what goes on, and what is never claimed."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from journal_faults import FaultyFiles
from journal_kit import ALL, SMALL, TOPIC, Box, checked, fill, put, read_all

from mq.errors import AppendFailed, JournalError
from mq.journal import layout
from mq.journal.file_journal import FileJournal
from mq.journal.verify import verify


@pytest.fixture
def files() -> FaultyFiles:
    return FaultyFiles()


@pytest.fixture
def box(tmp_path: Path, files: FaultyFiles) -> Iterator[Box]:
    box = Box(tmp_path / "data", files=files)
    yield box
    box.kill()


def refused(journal: FileJournal, topic: str = TOPIC) -> AppendFailed:
    (run,) = journal.append([checked(topic, b"refused"), checked(topic, b"refused too")])
    assert run.error is not None
    assert run.frames == ()
    return run.error


# --- writes -------------------------------------------------------------------------------------------------------

WRITES = {
    "nothing taken": (errno.ENOSPC, 0, "disk_full"),
    "a part taken, then full": (errno.ENOSPC, 130, "disk_full"),
    "one whole frame taken, then full": (errno.ENOSPC, 83, "disk_full"),
    "a short write": (0, 130, "disk_full"),
    "a write of nothing": (0, 0, "disk_full"),
    "over quota": (errno.EDQUOT, 10, "disk_full"),
    "an error": (errno.EIO, 130, "journal_failed"),
    "read-only": (errno.EROFS, 0, "read_only"),
}


@pytest.mark.parametrize(("number", "taken", "reason"), WRITES.values(), ids=WRITES)
@pytest.mark.parametrize("before", [0, 3, 40])
def test_a_failed_write_leaves_no_trace_and_no_hole(
    box: Box, files: FaultyFiles, before: int, number: int, taken: int, reason: str
) -> None:
    journal = box.open()
    fill(journal, before)
    log = box.log()
    files.add("write", ".log", number, times=3, taken=taken)
    for _ in range(3):
        assert refused(journal).reason == reason
        assert box.log() == log
    assert put(journal, b"fine again").offset == before
    assert list(read_all(journal).records)[-1] == before
    assert list(read_all(box.open()).records) == list(range(before + 1))


def test_the_refusal_names_the_file(box: Box, files: FaultyFiles) -> None:
    journal = box.open()
    put(journal, b"x")
    files.add("write", ".log", errno.ENOSPC)
    assert str(box.segments()[0]) in refused(journal).why


def test_a_failed_write_hurts_no_other_topic(box: Box, files: FaultyFiles) -> None:
    journal = box.open()
    files.add("write", f"bad/@{0:020}.log", errno.EIO)
    runs = journal.append([checked(topic, b"x") for topic in ("a", "bad", "c")])
    assert [run.error is None for run in runs] == [True, False, True]
    assert [info.topic for info in journal.topics(ALL, None, 9)[0]] == ["a", "c"]


@pytest.mark.parametrize("again", ["as it runs", "restarted"])
def test_a_topic_that_cannot_be_cut_back_refuses_until_it_can_and_the_others_go_on(
    box: Box, files: FaultyFiles, again: str
) -> None:
    journal = box.open()
    fill(journal, 5)
    put(journal, b"x", topic="other")
    write = files.add("write", f"cpu/@{0:020}.log", errno.EIO, times=1, taken=50)
    cut = files.add("truncate", ".log", errno.EIO)
    for _ in range(3):
        assert refused(journal).reason == "journal_failed"
    assert (write.hits, cut.hits) == (1, 3)
    assert put(journal, b"y", topic="other").offset == 1
    assert len(read_all(journal).records) == 5
    files.faults.clear()
    if again == "restarted":
        journal = box.open()
    assert put(journal, b"after that").offset == 5
    assert len(box.quarantine()) == (again == "restarted")
    assert verify(box.data).findings == []


def test_exhausted_files_are_refused_and_come_back(box: Box, files: FaultyFiles) -> None:
    journal = box.open(replace(SMALL, open_files_max=8))
    journal.append([checked(f"t{number}", b"x") for number in range(20)])
    fault = files.add("open", ".log", errno.EMFILE)
    assert refused(journal, "t0").reason == "files_exhausted"
    assert refused(journal, "new").reason == "files_exhausted"
    journal.sync()
    journal.checkpoint()
    assert journal.failure is None
    files.faults.remove(fault)
    assert put(journal, b"y", topic="t0").offset == 1
    assert put(journal, b"y", topic="new").offset == 0


def test_exhausted_files_at_a_roll_are_refused_and_come_back(box: Box, files: FaultyFiles) -> None:
    journal = box.open(replace(SMALL, open_files_max=8))
    fill(journal, 24)
    assert journal._catalog._logs[TOPIC].needs_roll()
    journal.append([checked(f"t{number}", b"x") for number in range(20)])
    fault = files.add("open", ".log", errno.EMFILE)
    assert refused(journal).reason == "files_exhausted"
    assert journal.failure is None
    files.faults.remove(fault)
    assert put(journal, b"y").offset == 24
    assert len(box.segments()) == 2


@pytest.mark.parametrize("operation", ["open", "write_at", "size", "truncate", "read_at"])
@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EMFILE])
def test_an_index_that_fails_fails_nothing_else(box: Box, files: FaultyFiles, operation: str, number: int) -> None:
    fill(box.open(), 50)
    journal = box.open()
    files.add(operation, ".index", number)
    fill(journal, 50)
    journal.checkpoint()
    assert len(read_all(journal).records) == 100
    assert journal.offset_at(TOPIC, 0) == 0
    files.faults.clear()
    assert len(read_all(box.open()).records) == 100


def test_an_index_that_cannot_be_read_after_a_restart_does_not_tear_an_append_apart(
    box: Box, files: FaultyFiles
) -> None:
    journal = box.open()
    fill(journal, 5)
    journal.close()
    box.opened.clear()
    journal = box.open()
    fault = files.add("read_at", ".log", errno.EIO)
    runs = journal.append([checked(TOPIC, b"x")])
    files.faults.remove(fault)
    expected = 6 if runs[0].error is None else 5
    assert read_all(journal).next == expected
    assert put(journal, b"y").offset == expected
    assert list(read_all(box.open()).records) == list(range(expected + 1))


@pytest.mark.parametrize("operation", ["open", "write_at"])
def test_a_mark_that_cannot_be_written_is_written_by_a_later_checkpoint(
    box: Box, files: FaultyFiles, operation: str
) -> None:
    journal = box.open()
    fill(journal, 5)
    fault = files.add(operation, "@mark", errno.ENOSPC)
    journal.checkpoint()
    journal.checkpoint()
    assert journal.failure is None
    files.faults.remove(fault)
    journal.checkpoint()
    files.done.clear()
    box.open()
    assert files.done.count(("read_at", str(box.segments()[0]))) == 1  # the header before the mark, nothing behind it


@pytest.mark.parametrize("operation", ["make_directory", "open", "write"])
def test_a_topic_that_could_not_be_made_is_made_the_next_time(box: Box, files: FaultyFiles, operation: str) -> None:
    journal = box.open()
    files.add(operation, "b" if operation == "make_directory" else ".log", errno.ENOSPC, times=1)
    assert refused(journal, "a/b").reason == "disk_full"
    assert journal.topics(ALL, None, 9)[0] == []
    assert put(journal, b"x", topic="a/b").offset == 0
    journal.sync()
    assert read_all(box.open(), "a/b").records == {0: b"x"}


def test_a_roll_that_fails_is_refused_and_tried_again(box: Box, files: FaultyFiles) -> None:
    journal = box.open()
    fill(journal, 24)
    (first,) = box.segments()
    files.add("open", f"@{24:020}.log", errno.ENOSPC, times=2)
    assert refused(journal).reason == "disk_full"
    assert refused(journal).reason == "disk_full"
    assert put(journal, b"x").offset == 24
    assert [path.name for path in box.segments()] == [first.name, f"@{24:020}.log"]


# --- syncs --------------------------------------------------------------------------------------------------------


def _is_fenced(journal: FileJournal, count: int) -> None:
    assert journal.failure is not None
    assert "sync failed" in journal.failure
    for topic in (TOPIC, "other"):
        assert refused(journal, topic).reason == "journal_failed"
    for act in (journal.sync, journal.checkpoint):
        with pytest.raises(JournalError, match="sync failed"):
            act()
    assert read_all(journal).next == count


@pytest.mark.parametrize("ending", [".log", "cpu", "host"])
def test_a_failed_sync_fences_the_journal_for_good(box: Box, files: FaultyFiles, ending: str) -> None:
    journal = box.open()
    fill(journal, 5)
    fault = files.add("sync" if ending == ".log" else "sync_directory", ending, times=1)
    with pytest.raises(JournalError, match="sync failed"):
        journal.sync()
    assert fault.hits == 1
    _is_fenced(journal, 5)
    before = [call for call in files.done if call[0].startswith("sync")]
    journal.close()
    box.opened.clear()
    assert [call for call in files.done if call[0].startswith("sync")] == before
    assert not (box.directory() / "@mark").exists()
    assert put(box.open(), b"x").offset == 5


def test_a_failed_sync_of_the_file_system_fences_too(box: Box, files: FaultyFiles) -> None:
    journal = box.open()
    fill(journal, 5)
    journal.append([checked(f"t{number}", b"x") for number in range(100)])
    files.add("sync_filesystem", "", times=1)
    with pytest.raises(JournalError):
        journal.checkpoint()
    _is_fenced(journal, 5)


def test_a_failed_sync_at_a_roll_fences_and_appends_nothing(box: Box, files: FaultyFiles) -> None:
    journal = box.open()
    fill(journal, 24)
    files.add("sync", ".log", times=1)
    assert refused(journal).reason == "journal_failed"
    _is_fenced(journal, 24)
    assert len(box.segments()) == 1


@pytest.mark.parametrize("many", [False, True])
def test_a_failed_sync_of_the_marks_fences_too(box: Box, files: FaultyFiles, many: bool) -> None:
    journal = box.open()
    fill(journal, 5)
    journal.append([checked(f"t{number}", b"x") for number in range(100 * many)])
    journal.checkpoint()
    put(journal, b"x")
    files.add("sync_filesystem" if many else "sync", "" if many else "@mark", times=1)
    with pytest.raises(JournalError):
        journal.checkpoint()
    _is_fenced(journal, 6)


def test_a_sync_covers_what_an_earlier_life_left_unsynced(box: Box, files: FaultyFiles) -> None:
    """Written and then killed: nobody has synced that file, nor the directories on the way to it."""
    fill(box.open(), 30)
    journal = box.open()
    put(journal, b"x")
    files.done.clear()
    journal.sync()
    synced = {path for operation, path in files.done if operation.startswith("sync")}
    needed = [box.path / "topics", box.path / "topics/host", box.path / "topics/host/n1", box.directory()]
    assert {str(path) for path in (*needed, box.segments()[-1])} <= synced or box.data in synced


def test_nothing_is_synced_twice_for_nothing(box: Box, files: FaultyFiles) -> None:
    journal = box.open()
    fill(journal, 5)
    journal.checkpoint()
    journal.checkpoint()
    files.done.clear()
    journal.sync()
    journal.checkpoint()
    assert not [call for call in files.done if call[0].startswith("sync")]


def test_a_mark_is_written_only_after_what_it_speaks_of_is_synced(box: Box, files: FaultyFiles) -> None:
    journal = box.open()
    fill(journal, 5)
    files.done.clear()
    journal.checkpoint()
    order = [operation for operation, path in files.done if operation in {"sync", "sync_directory", "write_at"}]
    mark = files.done.index(("write_at", str(box.directory() / layout.MARK)))
    assert order[0] == "sync"
    assert all(files.done.index(call) < mark for call in files.done if call[0].startswith("sync"))


def test_after_close_nothing_is_left_unsynced(box: Box, files: FaultyFiles) -> None:
    journal = box.open()
    fill(journal, 5)
    journal.close()
    box.opened.clear()
    mark = str(box.directory() / layout.MARK)
    assert files.done.index(("write_at", mark)) < files.done.index(("sync", mark))


# --- opening ------------------------------------------------------------------------------------------------------


def test_the_epoch_is_published_by_sync_rename_and_directory_sync_before_anything_is_appended(
    box: Box, files: FaultyFiles
) -> None:
    put(box.open(), b"x")
    meta = str(box.path / layout.META)
    steps = [("write", f"{meta}.new"), ("sync", f"{meta}.new"), ("rename", meta)]
    places = [files.done.index(step) for step in steps]
    places.append(files.done.index(("sync_directory", box.data), places[-1]))
    places.append(files.done.index(("write", str(box.segments()[0]))))
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("operation", "ending"),
    [("open", "journal.new"), ("write", "journal.new"), ("sync", "journal.new"), ("rename", "journal")],
)
def test_without_a_durable_epoch_nothing_opens(box: Box, files: FaultyFiles, operation: str, ending: str) -> None:
    put(box.open(), b"x")
    box.kill()
    files.add(operation, ending, errno.EIO, times=1)
    with pytest.raises(JournalError):
        box.open()
    assert put(box.open(), b"y").offset == 1


UNCUT = {
    "make_directory": "quarantine",
    "sync_directory": "quarantine",
    "truncate": ".log",
    "open": ".torn",
    "write": ".torn",
    "sync": ".torn",
}


@pytest.mark.parametrize(("operation", "ending"), UNCUT.items())
def test_a_torn_tail_that_cannot_be_cut_is_left_and_a_new_segment_begun(
    box: Box, files: FaultyFiles, operation: str, ending: str
) -> None:
    fill(box.open(), 5)
    box.kill()
    with box.segments()[0].open("ab") as file:
        file.write(b"torn")
    files.add(operation, ending, errno.ENOSPC)
    journal = box.open()
    assert box.segments()[0].read_bytes().endswith(b"torn")
    assert put(journal, b"5").offset == 5
    seen = read_all(journal)
    assert (list(seen.records), seen.gaps) == (list(range(6)), [])
    journal = box.open()
    assert put(journal, b"6").offset == 6
    assert len(read_all(box.open()).records) == 7
    assert box.segments()[0].read_bytes().endswith(b"torn")


def test_where_there_is_nothing_but_a_torn_tail_that_cannot_be_cut_only_that_topic_stops(
    box: Box, files: FaultyFiles
) -> None:
    fill(box.open(), 1)
    put(box.open(), b"x", topic="other")
    box.kill()
    os.truncate(box.segments()[0], 50)
    files.add("truncate", f"@{0:020}.log", errno.EROFS)
    journal = box.open()
    assert refused(journal).reason == "journal_failed"
    assert put(journal, b"y", topic="other").offset == 1
    journal.checkpoint()
    files.faults.clear()
    assert put(box.open(), b"x").offset == 0
    assert box.quarantine()[0].read_bytes().startswith(TOPIC.encode())


def test_a_fence_that_cannot_be_made_stops_only_its_topic(box: Box, files: FaultyFiles) -> None:
    journal = box.open()
    fill(journal, 5)
    journal.checkpoint()
    box.kill()
    os.truncate(box.segments()[0], 300)
    files.add("open", f"@{5:020}.log", errno.EROFS)
    journal = box.open()
    assert refused(journal).reason == "journal_failed"
    assert put(journal, b"y", topic="other").offset == 0
    assert read_all(journal).next == 5
    files.faults.clear()
    assert put(box.open(), b"x").offset == 5


def test_a_fence_for_which_there_is_no_room_is_made_when_there_is(box: Box, files: FaultyFiles) -> None:
    """Without a new start, and with its name on the disk before anything in it counts as durable."""
    journal = box.open()
    fill(journal, 5)
    journal.checkpoint()
    box.kill()
    os.truncate(box.segments()[0], 300)
    files.add("open", f"@{5:020}.log", errno.ENOSPC)
    journal = box.open()
    assert refused(journal).reason == "disk_full"
    journal.checkpoint()
    assert read_all(journal).next == 5
    files.faults.clear()
    files.done.clear()
    assert put(journal, b"x").offset == 5
    journal.sync()
    assert ("sync_directory", str(box.directory())) in files.done
    assert list(read_all(box.open()).records)[-1] == 5


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("operation", ["open", "write", "rename"])
def test_a_start_on_a_full_disk_has_an_epoch_of_its_own(
    box: Box, files: FaultyFiles, operation: str, number: int
) -> None:
    """Written over the old one, which takes no room."""
    journal = box.open()
    fill(journal, 3)
    journal.close()
    box.opened.clear()
    first = journal.epoch
    files.add(operation, "journal" if operation == "rename" else "journal.new", number)
    second = box.open().epoch
    third = box.open().epoch
    assert first < second < third
    assert f"epoch {third}\n" in (box.path / "journal").read_text()
    files.faults.clear()
    journal = box.open()
    assert journal.epoch > third
    assert put(journal, b"x").offset == 3


@pytest.mark.parametrize("there", [0, 1, 2])
def test_the_names_that_lead_to_the_data_are_on_the_disk_before_anything_in_it(
    tmp_path: Path, files: FaultyFiles, there: int
) -> None:
    """However many of them were there before."""
    names = [tmp_path, tmp_path / "x", tmp_path / "x" / "data"]
    names[there].mkdir(parents=True, exist_ok=True)
    box = Box(names[-1], files=files)
    put(box.open(), b"x")
    synced = [path for operation, path in files.done if operation == "sync_directory"]
    assert set(map(str, names[min(there, 1) : 2])) <= set(synced[: 2 - min(there, 1)])
    files.done.clear()
    box.open()
    assert str(names[1]) not in [path for operation, path in files.done if operation == "sync_directory"]


def test_a_start_on_a_full_disk_with_nothing_there_is_refused(box: Box, files: FaultyFiles) -> None:
    files.add("open", "journal.new", errno.ENOSPC)
    with pytest.raises(JournalError, match="No space left"):
        box.open()


def test_a_short_write_of_the_quarantine_is_not_taken_for_a_copy(box: Box, files: FaultyFiles) -> None:
    fill(box.open(), 5)
    box.kill()
    with box.segments()[0].open("ab") as file:
        file.write(b"torn")
    files.add("write", ".torn", 0, taken=2)
    box.open()
    assert box.segments()[0].read_bytes().endswith(b"torn")


def test_a_sector_that_cannot_be_read_costs_only_what_is_in_it(box: Box, files: FaultyFiles) -> None:
    journal = box.open()
    fill(journal, 20, size=4000)
    journal.close()
    box.opened.clear()

    class BadSector(FaultyFiles):
        def read_at(self, descriptor: int, size: int, position: int) -> bytes:
            if self.paths[descriptor].endswith(f"@{0:020}.log") and position <= 5000 < position + size:
                raise OSError(errno.EIO, "Input/output error")
            return super().read_at(descriptor, size, position)

    box.files = BadSector()
    box.config = replace(SMALL, segment_bytes=1 << 20)
    assert read_all(box.open()).records.keys() == set(range(20)) - {1}
