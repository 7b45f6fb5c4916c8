"""The index is a cache: whatever happens to it, reading is right, and it comes back."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from journal_kit import ALL, SECOND, SMALL, START, TOPIC, Box, put, read_all

from mq.journal import index as indexing


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    box = Box(tmp_path / "data")
    journal = box.open()
    for number in range(150):
        box.clock.now = START + number * SECOND
        put(journal, b"%d" % number + b"." * 100)
    journal.close()
    box.opened.clear()
    yield box
    box.kill()


def _indexes(box: Box) -> list[Path]:
    return sorted(box.directory().glob("@*.index"))


def _delete(path: Path) -> None:
    path.unlink()


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _cut_inside_an_entry(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: indexing.ENTRY_SIZE + 5])


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[indexing.ENTRY_SIZE + 3] ^= 4
    path.write_bytes(data)


def _zero(path: Path) -> None:
    path.write_bytes(bytes(len(path.read_bytes())))


def _of_another_segment(path: Path) -> None:
    paths = sorted(path.parent.glob("@*.index"))
    shutil.copyfile(paths[paths.index(path) - 1], path)


def _garbage_behind(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"garbage" * 100)


def _off_by_one(path: Path) -> None:
    """Entries whose checksums are right and whose content is not, as after a log was put back from elsewhere."""
    base = int(path.name[1:21])
    sealed_by = indexing.seed(TOPIC.encode() + b"\0", base)
    right = indexing.decode(path.read_bytes(), sealed_by, 1 << 40)
    wrong = indexing.Index()
    for place in range(len(right)):
        entry = right[place]
        wrong.add(entry._replace(offset=entry.offset + 1, appended=entry.appended + 3 * SECOND))
    path.write_bytes(indexing.encode(wrong, 0, sealed_by))


def _wrong_times(path: Path) -> None:
    base = int(path.name[1:21])
    sealed_by = indexing.seed(TOPIC.encode() + b"\0", base)
    right = indexing.decode(path.read_bytes(), sealed_by, 1 << 40)
    wrong = indexing.Index()
    for place in range(len(right)):
        wrong.add(right[place]._replace(appended=right[place].appended - 9 * SECOND, epoch=1))
    path.write_bytes(indexing.encode(wrong, 0, sealed_by))


def _wrong_in_the_middle(path: Path) -> None:
    """Both ends are right, so only who uses what is between can tell."""
    sealed_by = indexing.seed(TOPIC.encode() + b"\0", int(path.name[1:21]))
    right = indexing.decode(path.read_bytes(), sealed_by, 1 << 40)
    wrong = indexing.Index()
    for place in range(len(right)):
        shift = 17 if 0 < place < len(right) - 1 else 0
        wrong.add(right[place]._replace(position=right[place].position + shift))
    path.write_bytes(indexing.encode(wrong, 0, sealed_by))


WOUNDS = [
    *(_delete, _empty, _cut_inside_an_entry, _flip, _zero),
    *(_of_another_segment, _garbage_behind, _off_by_one, _wrong_times, _wrong_in_the_middle),
]


@pytest.mark.parametrize("wound", WOUNDS)
def test_reading_is_right_and_the_index_comes_back(box: Box, wound: Callable[[Path], None]) -> None:
    before = [path.read_bytes() for path in _indexes(box)]
    assert len(before) > 3
    assert all(before)
    for path in _indexes(box):
        wound(path)
    journal = box.open()
    for number in range(150):
        assert journal.offset_at(TOPIC, START + number * SECOND) == number
        assert journal.read(TOPIC, number, None, 1).next == number + 1
    assert len(read_all(journal).records) == 150
    box.clock.now += SECOND
    put(journal, b"150")
    journal.close()
    box.opened.clear()
    for path, data in zip(_indexes(box), before, strict=True):
        sealed_by = indexing.seed(TOPIC.encode() + b"\0", int(path.name[1:21]))
        log = path.with_suffix(".log").stat().st_size
        now = indexing.decode(path.read_bytes(), sealed_by, log)
        was = indexing.decode(data, sealed_by, log)
        assert len(path.read_bytes()) == len(now) * indexing.ENTRY_SIZE
        assert abs(len(now) - len(was)) <= 2
    assert len(read_all(box.open()).records) == 151


@pytest.mark.parametrize("wound", [_delete, _flip, _of_another_segment, _zero])
def test_the_index_may_vanish_while_the_journal_is_open(box: Box, wound: Callable[[Path], None]) -> None:
    journal = box.open()
    read_all(journal)
    for path in _indexes(box):
        wound(path)
    for number in range(150, 200):
        put(journal, b"%d" % number)
        journal.checkpoint()
    assert len(read_all(journal).records) == 200
    assert len(read_all(box.open()).records) == 200


def test_entries_left_over_from_a_tail_that_was_cut_are_not_believed(box: Box) -> None:
    """The index may be written, and the log it speaks of lost in a power cut; what is appended then is different."""
    box.config = replace(SMALL, segment_bytes=1 << 20)
    journal = box.open()
    path, size = box.segments()[-1], box.segments()[-1].stat().st_size
    (box.directory() / "@mark").unlink()
    for number in range(10):
        put(journal, b"%d" % number + b"." * 290)
    journal._catalog._logs[TOPIC].flush_index()
    box.kill()
    with path.open("rb+") as file:
        file.truncate(size)
    box.clock.now += 100 * SECOND
    journal = box.open()
    end = journal.topics(ALL, None, 1)[0][0].next
    for number in range(12):
        put(journal, b"%d" % number + b"." * 290)
    box.kill()
    journal = box.open()
    assert journal.offset_at(TOPIC, box.clock.now) == end
    for offset in range(end + 12):
        assert journal.read(TOPIC, offset, None, 1).next == offset + 1


def test_a_huge_index_file_is_not_read_whole(box: Box) -> None:
    with _indexes(box)[0].open("rb+") as file:
        file.truncate(1 << 40)
    assert len(read_all(box.open()).records) == 150
