"""Guards that no other test misses when they are taken out: see ``tests/mutants``."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from crash_disk import CrashDisk, Fate
from journal_faults import FaultyFiles
from journal_kit import SECOND, TOPIC, Box, checked, fill, numbered, put, read_all, split

from mq.frame import parse, stamp
from mq.journal import layout
from mq.journal.files import Files
from mq.journal.recovery import read_mark

NO_DESCRIPTOR = -1


@pytest.fixture
def files() -> FaultyFiles:
    return FaultyFiles()


@pytest.fixture
def box(tmp_path: Path, files: FaultyFiles) -> Iterator[Box]:
    box = Box(tmp_path / "data", files=files)
    yield box
    box.kill()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Return the syncs that the kernel has been asked for by now: the call, and the path."""
    asked: list[tuple[str, str]] = []

    def watch(name: str, call: Callable[[int], None]) -> None:
        def ask(descriptor: int) -> None:
            asked.append((name, os.readlink(f"/proc/self/fd/{descriptor}")))
            call(descriptor)

        monkeypatch.setattr(os, name, ask)

    watch("fdatasync", os.fdatasync)
    watch("fsync", os.fsync)
    return asked


def test_a_sync_asks_the_kernel_for_the_log_and_each_directory_on_the_way_to_it(
    tmp_path: Path, asked: list[tuple[str, str]]
) -> None:
    """All other tests fake the sync, since who lives on does not see whether it was asked for."""
    box = Box(tmp_path / "data", files=Files())
    journal = box.open()
    put(journal, b"x")
    asked.clear()
    journal.sync()
    box.kill()
    directories = [box.path / "topics", box.path / "topics/host", box.path / "topics/host/n1", box.directory()]
    assert sorted(asked) == sorted(
        [("fdatasync", str(box.segments()[0])), *(("fsync", str(directory)) for directory in directories)]
    )


def test_a_sync_of_the_file_system_asks_the_kernel() -> None:
    with pytest.raises(OSError, match="Bad file descriptor"):
        Files().sync_filesystem(NO_DESCRIPTOR)


def test_an_epoch_that_is_written_over_the_old_one_is_synced_before_anything_is_appended(
    box: Box, files: FaultyFiles
) -> None:
    put(box.open(), b"x")
    files.add("open", "journal.new", errno.ENOSPC)
    files.done.clear()
    put(box.open(), b"y")
    meta = str(box.path / layout.META)
    places = [files.done.index((operation, meta)) for operation in ("write_at", "truncate", "sync")]
    places.append(files.done.index(("write", str(box.segments()[0]))))
    assert places == sorted(places)


@pytest.mark.parametrize("operation", ["open", "write_at"])
def test_a_mark_that_could_not_be_written_is_written_though_nothing_is_appended_any_more(
    box: Box, files: FaultyFiles, operation: str
) -> None:
    journal = box.open()
    fill(journal, 5)
    fault = files.add(operation, layout.MARK, errno.ENOSPC)
    journal.checkpoint()
    files.faults.remove(fault)
    journal.checkpoint()
    mark = read_mark(files, str(box.directory()), TOPIC.encode() + b"\0")
    assert mark is not None
    assert (mark.position, mark.next) == (len(box.log()), 5)


def test_a_clock_that_goes_back_costs_no_record(box: Box) -> None:
    journal = box.open()
    for number, step in enumerate((0, -3600, -1, 2)):
        box.clock.now += step * SECOND
        put(journal, b"%d" % number)
    seen = read_all(journal)
    assert (list(seen.records), seen.gaps) == ([0, 1, 2, 3], [])
    times = [frame.header.appended for frame in split(seen.frames)]
    assert times == sorted(times)


def test_whenever_the_power_goes_a_torn_tail_is_in_its_log_or_in_quarantine(tmp_path: Path) -> None:
    box = Box(tmp_path / "disk")
    fill(box.open(), 3)
    box.kill()
    with box.segments()[0].open("ab") as file:
        file.write(b"torn")
    box.files = disk = CrashDisk(box.path)
    box.open()
    box.kill()
    for moment, state in enumerate(disk.moments()):
        for seed in range(20):
            cut = Box(tmp_path / f"{moment}-{seed}")
            state.build(Fate(seed), cut.path)
            copies = [path.read_bytes() for path in cut.quarantine()]
            assert cut.log().endswith(b"torn") or b"torn" in copies, f"moment {moment}, fate {seed}"


@pytest.mark.parametrize(("operation", "taken"), [("write", 0), ("write", 2), ("sync", 0)])
def test_half_a_copy_of_a_torn_tail_is_not_kept(box: Box, files: FaultyFiles, operation: str, taken: int) -> None:
    fill(box.open(), 3)
    box.kill()
    with box.segments()[0].open("ab") as file:
        file.write(b"torn")
    files.add(operation, ".torn", errno.ENOSPC, taken=taken)
    box.open()
    assert box.quarantine() == []
    assert box.segments()[0].read_bytes().endswith(b"torn")


def test_of_several_segments_each_is_gone_for_good_before_the_next_one_goes(box: Box, files: FaultyFiles) -> None:
    journal = box.open()
    fill(journal, 100)
    logs = [str(path) for path in box.segments()]
    files.done.clear()
    assert journal.trim(TOPIC, 100) > 0
    removals = [at for at, (operation, path) in enumerate(files.done) if operation == "remove" and path in logs]
    assert len(removals) == len(logs) - 1 > 2
    for first, second in pairwise(removals):
        assert ("sync_directory", str(box.directory())) in files.done[first:second]


def test_a_good_frame_of_an_earlier_life_is_not_served_where_a_later_one_stood(box: Box) -> None:
    journal = box.open()
    first, second, third = fill(journal, 3)
    stale = stamp(checked(TOPIC, numbered(1)), 1, parse(first).header.appended, journal.epoch - 1)
    assert len(stale) == len(second)
    box.segments()[0].write_bytes(first + stale + third)
    seen = read_all(box.open())
    assert (list(seen.records), seen.gaps) == ([0, 2], [(1, 2)])
