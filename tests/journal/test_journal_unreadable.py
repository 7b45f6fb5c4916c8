"""A disk that gives no answer while a journal is opened: what it may hold is not written over, and nothing is lost."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from journal_kit import TOPIC, Box, QuickFiles, checked, put, read_all

from mq.config import Config
from mq.errors import JournalError
from mq.journal.repair import Repair
from mq.journal.verify import verify


class FailingDisk(QuickFiles):
    """Reading one topic's log from byte `bad` on gives errors, unless that is below 0."""

    bad = -1

    def read_at(self, descriptor: int, size: int, position: int) -> bytes:
        """Read, or fail as a disk does."""
        is_log = os.readlink(f"/proc/self/fd/{descriptor}").endswith(f"{TOPIC}/@{0:020}.log")
        if 0 <= self.bad < position + size and is_log:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().read_at(descriptor, size, position)


@pytest.fixture
def disk() -> FailingDisk:
    return FailingDisk()


@pytest.fixture
def box(tmp_path: Path, disk: FailingDisk) -> Iterator[Box]:
    box = Box(tmp_path / "data", files=disk)
    yield box
    box.kill()


def filled(box: Box, marked: int) -> None:
    """Append and sync four records, the first so many below a mark; a second topic is left alone."""
    journal = box.open()
    for number in range(4):
        put(journal, b"%d" % number)
        journal.checkpoint() if number < marked else journal.sync()
    put(journal, b"x", topic="other")
    box.kill()


@pytest.mark.parametrize("marked", [0, 2, 4])
@pytest.mark.parametrize("bad", [0, 100, 300])
def test_a_log_whose_end_cannot_be_read_takes_nothing_until_it_can(
    box: Box, disk: FailingDisk, marked: int, bad: int
) -> None:
    filled(box, marked)
    before = box.log()
    disk.bad = bad
    journal = box.open()
    assert put(journal, b"y", topic="other").offset in (0, 1)
    (run,) = journal.append([checked(TOPIC, b"y")])
    if run.error is None:  # it was closed in order, and what was read of it is right
        assert run.offset == 4
        return
    assert (run.error.reason, "does not give" in run.error.why) == ("journal_failed", True)
    assert [each.offset for each in journal.append([checked(TOPIC, b"y")]) if each.error is None] == []
    disk.bad = -1
    assert box.log() == before
    assert not box.quarantine()
    journal = box.open()
    assert put(journal, b"4").offset == 4
    seen = read_all(journal)
    assert (seen.records, seen.gaps) == ({number: b"%d" % number for number in range(5)}, [])
    assert verify(box.data).findings == []


def test_repair_leaves_it_alone(box: Box, disk: FailingDisk) -> None:
    filled(box, 2)
    before = box.log()
    disk.bad = 0
    with Repair(box.data, Config(), disk) as repair, pytest.raises(JournalError, match="does not give"):
        repair.plan()
    disk.bad = -1
    assert box.log() == before
