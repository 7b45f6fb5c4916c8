"""The files of a spool: segments that are appended to, the oldest deleted once nothing in them is needed any more.

A directory belongs to one spool, and a spool to one process: ``flock(2)`` on the directory, which the kernel releases
however its owner ends. A segment is never written to by a later life, so what a kill or a power cut left at its end
stays as it is. One that holds damage is put aside when it is done with, not deleted.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Callable
from contextlib import suppress

from mq.errors import SpoolHeld, SpoolUnusable

ASIDE = "unknown.frames"
DAMAGED_FILES_MAX = 4
_SEGMENT = re.compile(r"@(\d{20})\.frames")
_OURS = re.compile(r"@\d{20}\.(frames|damaged)|unknown\.frames")


class Segment:
    """One file. `ends` says for each topic in it the place behind its last record there, 0 where it is only noted.

    `oldest` and `newest` are when its first and last record were written, in ns since the Unix epoch.
    """

    def __init__(self, number: int, path: str, size: int = 0) -> None:
        self.number, self.path, self.size = number, path, size
        self.synced = 0
        self.ends: dict[str, int] = {}
        self.oldest = self.newest = 0
        self.is_damaged = False

    def holds(self, topic: str, end: int, written: int) -> None:
        """Note that it has got a frame."""
        self.ends[topic] = end
        self.oldest = self.oldest or written
        self.newest = written


class SpoolFiles:
    """Raises `SpoolHeld` and `SpoolUnusable` when it is made, `OSError` later on."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self._lock = self._own()
        self._active = -1
        try:
            self.segments = self._look()
            self.bytes = sum(segment.size for segment in self.segments)
            self._begin()
        except OSError as error:
            self.close()
            raise SpoolUnusable(error.filename or directory, error.strerror or str(error)) from None
        except SpoolUnusable:
            self.close()
            raise

    @property
    def active(self) -> Segment:
        """The one that is appended to."""
        return self.segments[-1]

    def append(self, data: bytes) -> int:
        """Append whole, or not at all, and return where it stands."""
        segment = self.active
        at = segment.size
        try:
            written = os.pwrite(self._active, data, at)
            while written < len(data):  # a short one: the next says why
                written += os.pwrite(self._active, data[written:], at + written)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._active, at)
            raise
        segment.size += len(data)
        self.bytes += len(data)
        return at

    def read(self, segment: Segment, at: int, size: int) -> bytes:
        """Return so many bytes of a segment, as far as it has been written."""
        descriptor = os.open(segment.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.pread(descriptor, min(size, segment.size - at), at)
        finally:
            os.close(descriptor)

    def roll(self, *, synced: bool) -> None:
        """Begin another segment; the one before is synced first where that matters, as nobody would later."""
        if synced and self.active.synced < self.active.size:
            os.fdatasync(self._active)
            self.active.synced = self.active.size
        self._begin()

    def sync_later(self) -> Callable[[], None]:
        """Return what makes safe all that has been appended up to now, for any thread."""
        segment, size, descriptor = self.active, self.active.size, os.dup(self._active)

        def sync() -> None:
            try:
                os.fdatasync(descriptor)
                segment.synced = size
            finally:
                os.close(descriptor)

        return sync

    def remove_oldest(self) -> None:
        """Delete the oldest segment, or put it aside if it holds damage."""
        segment = self.segments.pop(0)
        self.bytes -= segment.size
        if segment.is_damaged:
            os.rename(segment.path, segment.path.removesuffix(".frames") + ".damaged")
            self._bound_damaged()
        else:
            os.unlink(segment.path)

    def put_aside(self, frames: bytes, limit: int) -> bool:
        """Keep frames for a person to look at; return whether there was room."""
        path = os.path.join(self.directory, ASIDE)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
        try:
            if os.fstat(descriptor).st_size + len(frames) > limit:
                return False
            return os.write(descriptor, frames) == len(frames)
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """Let another have it."""
        if self._active >= 0:
            os.close(self._active)
        os.close(self._lock)

    def _own(self) -> int:
        try:
            os.makedirs(self.directory, mode=0o750, exist_ok=True)
            descriptor = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            _sync_directory(os.path.dirname(os.path.abspath(self.directory)))
        except OSError as error:
            raise SpoolUnusable(self.directory, error.strerror or str(error)) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            if isinstance(error, BlockingIOError):
                raise SpoolHeld(self.directory) from None
            raise SpoolUnusable(self.directory, error.strerror or str(error)) from None
        return descriptor

    def _look(self) -> list[Segment]:
        segments: list[Segment] = []
        with os.scandir(self.directory) as entries:
            for entry in entries:
                if not _OURS.fullmatch(entry.name) or not entry.is_file(follow_symlinks=False):
                    why = "it is none of a spool's files, or of a newer version: give the spool a directory of its own"
                    raise SpoolUnusable(entry.path, why)
                if found := _SEGMENT.fullmatch(entry.name):
                    segments.append(Segment(int(found[1]), entry.path, entry.stat().st_size))
        return sorted(segments, key=lambda segment: segment.number)

    def _begin(self) -> None:
        number = self.segments[-1].number + 1 if self.segments else 1
        segment = Segment(number, os.path.join(self.directory, f"@{number:020}.frames"))
        descriptor = os.open(segment.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        if self._active >= 0:
            os.close(self._active)
        self._active = descriptor
        self.segments.append(segment)
        os.fsync(self._lock)  # the name is the directory's: without this a power cut takes the file

    def _bound_damaged(self) -> None:
        aside = sorted(name for name in os.listdir(self.directory) if name.endswith(".damaged"))
        for name in aside[:-DAMAGED_FILES_MAX]:
            os.unlink(os.path.join(self.directory, name))


def _sync_directory(path: str) -> None:
    """Make a directory's names safe."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
