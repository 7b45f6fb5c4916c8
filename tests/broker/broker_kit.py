# ruff: noqa: ARG002 - a journal is asked for more than one in memory needs
"""What the tests of the broker's deciders share: a journal in memory, and one on a disk that fails when told to."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from mq.errors import AppendFailed, JournalError
from mq.frame import Checked, stamp
from mq.histogram import Histogram
from mq.journal.files import Files
from mq.journal.interface import Head, Run, Slice, TopicInfo
from mq.topic import Pattern

NOW = 1_700_000_000_000_000_000
EPOCH = 7


@dataclass
class MemoryJournal:
    """A `Journal` without a disk. `refuse` names, by topic, the word with which its frames are refused."""

    epoch: int = EPOCH
    failure: str | None = None
    refuse: dict[bytes, str] = field(default_factory=dict)
    sync_error: str | None = None
    logs: dict[bytes, list[bytes]] = field(default_factory=dict)
    ends: dict[bytes, int] = field(default_factory=dict)
    syncs: int = 0
    crash: Exception | None = None
    free: int = 1 << 40
    sync_seconds: Histogram = field(default_factory=Histogram)

    def append(self, frames: Sequence[Checked]) -> list[Run]:
        """Stamp frames, grouped by topic."""
        if self.crash is not None:
            raise self.crash
        groups: dict[bytes, list[Checked]] = {}
        for frame in frames:
            groups.setdefault(frame[0], []).append(frame)
        return [self._append(topic, group) for topic, group in groups.items()]

    def delete(self, topics: Sequence[str]) -> list[Head]:
        """Delete those that there are."""
        if self.failure is not None:
            raise JournalError(self.failure)
        gone = [topic for topic in topics if self.logs.pop(topic.encode(), None) is not None]
        return [Head(topic, self.ends[topic.encode()], self.epoch) for topic in gone]

    def _append(self, topic: bytes, checked: list[Checked]) -> Run:
        run = Run(topic, checked)
        if (reason := self.refuse.get(topic)) is not None:
            run.error = AppendFailed(reason, f"why {reason}")
            return run
        run.offset = run.next = self.ends.get(topic, 0)
        stamped = []
        for frame in checked:
            stamped.append(stamp(frame, run.next, NOW, self.epoch))
            run.next += frame[1]
        run.frames, run.size = stamped, sum(map(len, stamped))
        self.logs.setdefault(topic, []).extend(stamped)
        self.ends[topic] = run.next
        return run

    def sync(self) -> None:
        """Count, or fail for good."""
        self.syncs += 1
        if self.sync_error is not None:
            self.failure = self.sync_error
            raise JournalError(self.sync_error)

    def roll(self, topic: str) -> None:
        """Do nothing: there are no segments."""

    def trim(self, topic: str, before: int) -> int:
        """Keep everything."""
        return 0

    def tidy(self) -> None:
        """Keep everything."""

    def checkpoint(self) -> None:
        """Do the same."""
        self.sync()

    def read(self, topic: str, offset: int, epoch: int | None, size: int) -> Slice:
        """Return frames of one record each, at least one."""
        if self.crash is not None:
            raise self.crash
        log = self.logs.get(topic.encode(), [])
        frames, at = b"", offset
        while at < len(log) and (not frames or len(frames) < size):
            frames += log[at]
            at += 1
        return Slice(frames, at, self.epoch, len(log))

    def last(self, patterns: Sequence[Pattern], after: str | None, size: int) -> tuple[bytes, str | None]:
        """Return nothing."""
        return b"", None

    def heads(
        self, patterns: Sequence[Pattern], since: int, after: str | None, count: int
    ) -> tuple[list[Head], int, str | None]:
        """Return nothing."""
        return [], 0, None

    def topics(self, patterns: Sequence[Pattern], after: str | None, count: int) -> tuple[list[TopicInfo], str | None]:
        """Return nothing."""
        return [], None

    def offset_at(self, topic: str, time: int) -> int:
        """Return the beginning."""
        return 0

    def tail_offset(self, topic: str, size: int) -> int:
        """Return the beginning."""
        return 0

    def free_bytes(self) -> int:
        """Return what a test has set."""
        return self.free

    def close(self) -> None:
        """Do nothing."""


class FailingFiles(Files):
    """The real file calls, until a test says otherwise: a full disk, a sync that fails, a disk that stands still."""

    def __init__(self) -> None:
        self.full = False
        self.sync_fails = False
        self.moves = threading.Event()
        self.moves.set()
        self.stuck = threading.Event()

    def write(self, descriptor: int, data: bytes) -> int:
        """Write, if the disk moves and has room."""
        self._wait()
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        """Sync, if the disk moves and can."""
        self._wait()
        if self.sync_fails:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        super().sync(descriptor)

    def _wait(self) -> None:
        if not self.moves.is_set():
            self.stuck.set()
            self.moves.wait()
