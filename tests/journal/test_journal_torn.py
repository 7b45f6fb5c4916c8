"""A torn tail: cut at every byte, with and without a mark, and opened again."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from journal_faults import FaultyFiles
from journal_kit import ALL, SECOND, SMALL, TOPIC, Box, fill, put, read_all, split

from mq.errors import Rewound


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    box = Box(tmp_path / "data")
    yield box
    box.kill()


def _copy(box: Box, path: Path) -> Box:
    shutil.copytree(box.path, path)
    return Box(path, box.config, box.files, box.clock)


@pytest.mark.parametrize("marked", [0, 4, 7])
def test_every_cut_of_the_last_three_frames(box: Box, tmp_path: Path, marked: int) -> None:
    """Ten frames, the mark behind the first `marked` of them, and then the file ends anywhere in the last three."""
    journal = box.open()
    stamped = fill(journal, marked, size=30)
    if marked:
        journal.checkpoint()
        journal.checkpoint()
    stamped += fill(journal, 10 - marked, size=30)
    first_life = journal.epoch
    box.kill()
    ends = [sum(map(len, stamped[: count + 1])) for count in range(10)]
    for cut in range(ends[6], ends[9] + 1):
        copy = _copy(box, tmp_path / "copy")
        log = copy.segments()[0]
        torn = log.read_bytes()[:cut]
        os.truncate(log, cut)
        journal = copy.open()
        whole = sum(end <= cut for end in ends)
        kept = sum(map(len, stamped[:whole]))
        assert log.read_bytes() == torn[:kept] == b"".join(stamped[:whole])
        assert [path.read_bytes() for path in copy.quarantine()] == ([torn[kept:]] if cut > kept else [])
        assert put(journal, b"goes on").offset == whole
        seen = read_all(journal)
        assert (list(seen.records), seen.gaps) == (list(range(whole + 1)), [])
        with pytest.raises(Rewound) as caught:
            journal.read(TOPIC, 11, first_life, 1)
        assert caught.value.end == whole
        copy.kill()
        shutil.rmtree(copy.path)


def test_a_cut_below_the_mark_is_damage_and_its_offsets_are_gone_for_good(box: Box, tmp_path: Path) -> None:
    journal = box.open()
    stamped = fill(journal, 10, size=30)
    first_life = journal.epoch
    journal.close()
    box.opened.clear()
    ends = [sum(map(len, stamped[: count + 1])) for count in range(10)]
    for cut in range(0, ends[9], 7):
        copy = _copy(box, tmp_path / "copy")
        os.truncate(copy.segments()[0], cut)
        whole = sum(end <= cut for end in ends)
        for life in range(3):
            journal = copy.open()
            seen = read_all(journal)
            assert seen.gaps == [(whole, 10)]
            assert sorted(seen.records) == [*range(whole), *range(10, 10 + life)]
            assert put(journal, b"goes on").offset == 10 + life
            assert journal.read(TOPIC, 10, first_life, 1).next == 11
        assert copy.segments()[0].stat().st_size == cut
        assert copy.quarantine() == []
        copy.kill()
        shutil.rmtree(copy.path)


@pytest.mark.parametrize("tail", [b"\0" * 512, b"\0" * 70_000, os.urandom(300), TOPIC.encode() + b"\0MQ", b"x"])
def test_what_is_behind_the_last_frame_and_is_none_is_torn(box: Box, tail: bytes) -> None:
    fill(box.open(), 5)
    box.kill()
    with box.segments()[0].open("ab") as file:
        file.write(tail)
    journal = box.open()
    assert [path.read_bytes() for path in box.quarantine()] == [tail]
    assert put(journal, b"x").offset == 5
    assert len(read_all(box.open()).records) == 6


def test_a_copy_in_quarantine_is_never_replaced(box: Box) -> None:
    fill(box.open(), 5)
    for tail in (b"one", b"two", b"three"):
        box.kill()
        with box.segments()[0].open("ab") as file:
            file.write(tail)
        box.open()
    assert sorted(path.read_bytes() for path in box.quarantine()) == [b"one", b"three", b"two"]


def test_a_large_torn_tail_is_kept_whole(box: Box) -> None:
    fill(box.open(), 5)
    box.kill()
    tail = os.urandom(3 << 20)
    with box.segments()[0].open("ab") as file:
        file.write(tail)
    box.open()
    assert box.quarantine()[0].read_bytes() == tail


def _torn_and_opened(box: Box, *tails: bytes, bytes_max: int) -> None:
    for tail in tails:
        box.kill()
        with box.segments()[0].open("ab") as file:
            file.write(tail)
        box.open(replace(SMALL, quarantine_bytes_max=bytes_max))


def test_of_copies_that_are_too_many_the_oldest_are_deleted_and_that_is_said(
    box: Box, caplog: pytest.LogCaptureFixture
) -> None:
    fill(box.open(), 5)
    _torn_and_opened(box, b"a" * 400, b"b" * 300, b"c" * 300, bytes_max=1000)
    assert [path.read_bytes()[:1] for path in box.quarantine()] == [b"a", b"b", b"c"]
    (box.path / "quarantine" / "mine").write_bytes(bytes(5000))
    for age, path in enumerate(reversed(box.quarantine()[:3])):  # they may not be deleted by their names
        os.utime(path, (age, age))
    caplog.clear()
    _torn_and_opened(box, b"d" * 301, bytes_max=1000)
    kept = [path.read_bytes()[:1] for path in box.quarantine() if path.name != "mine"]
    assert kept == [b"a", b"d"]
    (line,) = [record.getMessage() for record in caplog.records if "deleted" in record.getMessage()]
    assert "the oldest 2 copies, 600 bytes, were deleted" in line
    assert (box.path / "quarantine" / "mine").exists()


def test_a_copy_that_is_too_large_by_itself_is_kept_alone(box: Box) -> None:
    fill(box.open(), 5)
    _torn_and_opened(box, b"a" * 400, b"b" * 1001, bytes_max=1000)
    assert [path.read_bytes() for path in box.quarantine()] == [b"b" * 1001]
    _torn_and_opened(box, b"c" * 1000, bytes_max=1000)
    assert [path.read_bytes() for path in box.quarantine()] == [b"c" * 1000]


def test_copies_that_cannot_be_deleted_are_left_and_so_is_the_tail(tmp_path: Path) -> None:
    files = FaultyFiles()
    box = Box(tmp_path / "data", files=files)
    fill(box.open(), 5)
    _torn_and_opened(box, b"a" * 800, bytes_max=1000)
    files.add("remove", ".torn", errno.EROFS)
    _torn_and_opened(box, b"b" * 800, bytes_max=1000)
    assert [path.read_bytes() for path in box.quarantine()] == [b"a" * 800]
    assert box.segments()[0].read_bytes().endswith(b"b" * 800)
    assert put(box.opened[-1], b"x").offset == 5
    box.kill()


def test_a_kill_right_behind_a_roll_leaves_an_empty_segment_that_is_used(box: Box) -> None:
    journal = box.open()
    fill(journal, 24)
    log = journal._catalog._logs[TOPIC]
    assert log.needs_roll()
    log.roll()
    epoch = journal.epoch
    for _ in range(3):
        journal = box.open()
        assert [path.stat().st_size for path in box.segments()][-1] == 0
        assert journal.read(TOPIC, 24, epoch, 1).end == 24
        assert journal.topics(ALL, None, 1)[0][0].next == 24
        assert journal.last(ALL, None, 999)[0] != b""
    assert put(journal, b"x").offset == 24
    assert len(box.segments()) == 2
    assert len(read_all(box.open()).records) == 25


def test_a_mark_of_an_earlier_segment_says_nothing_about_this_one(box: Box) -> None:
    journal = box.open()
    fill(journal, 10)
    journal.checkpoint()
    stamped = fill(journal, 30)
    box.kill()
    last = box.segments()[-1]
    assert last.stat().st_size > 0
    os.truncate(last, last.stat().st_size - 5)
    journal = box.open()
    assert put(journal, b"x").offset == 39
    assert box.quarantine()[0].read_bytes() == stamped[-1][:-5]


@pytest.mark.parametrize("mark", [b"", b"\0" * 48, b"garbage" * 9, None])
def test_a_mark_that_does_not_hold_is_as_none(box: Box, mark: bytes | None) -> None:
    journal = box.open()
    stamped = fill(journal, 10)
    journal.close()
    box.opened.clear()
    path = box.directory() / "@mark"
    if mark is None:
        path.unlink()
    else:
        path.write_bytes(mark)
    os.truncate(box.segments()[0], box.segments()[0].stat().st_size - 5)
    journal = box.open()
    assert put(journal, b"x").offset == 9
    assert box.quarantine()[0].read_bytes() == stamped[-1][:-5]
    journal.checkpoint()
    box.open()
    assert len(read_all(box.open()).records) == 10


def test_a_mark_of_another_topic_is_as_none(box: Box) -> None:
    journal = box.open()
    fill(journal, 10)
    fill(journal, 10, topic="host/n2/cpu")
    journal.close()
    box.opened.clear()
    shutil.copyfile(box.directory("host/n2/cpu") / "@mark", box.directory() / "@mark")
    os.truncate(box.segments()[0], box.segments()[0].stat().st_size - 5)
    assert put(box.open(), b"x").offset == 9


def test_after_a_fence_epoch_and_time_do_not_go_back_either(box: Box) -> None:
    """The lost records were of a later life than those kept: who has read them is at the end, not rewound."""
    fill(box.open(), 10)
    box.clock.now += 5 * SECOND
    journal = box.open()
    last_time = box.clock.now
    fill(journal, 5)
    second_life = journal.epoch
    journal.close()
    box.opened.clear()
    path = box.segments()[0]
    os.truncate(path, path.stat().st_size // 15 * 9)
    box.clock.now -= 100 * SECOND
    for _ in range(3):
        journal = box.open()
        assert journal.read(TOPIC, 15, second_life, 1).end == 15
        assert journal.offset_at(TOPIC, last_time + 1) == 15
    put(journal, b"x")
    assert split(journal.read(TOPIC, 15, second_life, 1).frames)[0].header.appended == last_time
