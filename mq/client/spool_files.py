"""The files of a spool: segments that are appended to, the oldest deleted once nothing in them is needed any more.

A segment is never written to by a later life, so what a kill or a power cut left at its end stays as it is. One that
holds damage is put aside when it is done with, not deleted. Once the files were deleted or moved away under the spool
it takes nothing more: what is in memory goes on from there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress

from mq.client.spool_directory import SpoolDirectory, gone
from mq.errors import SpoolUnusable

ASIDE = "unknown.frames"
DAMAGED_FILES_MAX = 4
NUMBER_MAX = 10**20 - 2  # the next has as many digits
_SEGMENT = re.compile(r"@(\d{20})\.frames")
_OURS = re.compile(r"@\d{20}\.(frames|damaged)|unknown\.frames")


class Segment:
    """One file. `ends` says for each topic in it the place behind its last record there, 0 where it is only noted.

    `oldest` and `newest` are when its first and last record were written, in ns since the Unix epoch.
    """

    def __init__(self, number: int, path: str, size: int = 0) -> None:
        self.number, self.path, self.size = number, path, size
        self.name = os.path.basename(path)
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
        self._directory = SpoolDirectory(directory)
        self._active = -1
        self.is_gone = False
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

    @property
    def room(self) -> int:
        """How many bytes the disk has left."""
        disk = os.fstatvfs(self._active)
        return disk.f_bavail * disk.f_frsize

    def refuse_if_gone(self) -> None:
        """Raise `FileNotFoundError` where what is appended would be in a file that no later life finds."""
        if self.is_gone:
            raise gone(self.directory)
        try:
            self._directory.refuse_if_gone()
            if not os.fstat(self._active).st_nlink:
                raise gone(self.active.path)
        except FileNotFoundError:
            self.is_gone = True
            raise

    def append(self, data: bytes) -> int:
        """Append whole, or not at all, and return where it stands."""
        if self.is_gone:
            raise gone(self.directory)
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
        size = min(size, segment.size - at)
        if segment is self.active:
            return os.pread(self._active, size, at)
        descriptor = self._directory.open(segment.name, os.O_RDONLY)
        try:
            return os.pread(descriptor, size, at)
        finally:
            os.close(descriptor)

    def roll(self, *, synced: bool) -> None:
        """Begin another segment; the one before is synced first where that matters, as nobody would later."""
        if synced and self.active.synced < self.active.size:
            os.fdatasync(self._active)
            self.active.synced = self.active.size
        self.refuse_if_gone()
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
            self._directory.rename(segment.name, segment.name.removesuffix(".frames") + ".damaged")
            self._bound_damaged()
        else:
            self._directory.unlink(segment.name)

    def put_aside(self, frames: bytes, limit: int) -> bool:
        """Keep frames for a person to look at; return whether there was room."""
        descriptor = self._directory.open(ASIDE, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
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
        self._directory.close()

    def _look(self) -> list[Segment]:
        segments: list[Segment] = []
        for name, size in self._directory.entries():
            path = self._directory.path_of(name)
            if not _OURS.fullmatch(name) or size is None:
                why = "it is none of a spool's files, or of a newer version: give the spool a directory of its own"
                raise SpoolUnusable(path, why)
            if found := _SEGMENT.fullmatch(name):
                segments.append(Segment(int(found[1]), path, size))
        segments.sort(key=lambda segment: segment.number)
        if segments and segments[-1].number > NUMBER_MAX:
            why = "its number is the last of 20 digits, so no file can follow: no spool names one so, move it away"
            raise SpoolUnusable(segments[-1].path, why)
        return segments

    def _begin(self) -> None:
        number = self.segments[-1].number + 1 if self.segments else 1
        segment = Segment(number, self._directory.path_of(f"@{number:020}.frames"))
        descriptor = self._directory.open(segment.name, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        if self._active >= 0:
            os.close(self._active)
        self._active = descriptor
        self.segments.append(segment)
        self._directory.sync()  # the name is the directory's: without this a power cut takes the file

    def _bound_damaged(self) -> None:
        aside = sorted(name for name, _ in self._directory.entries() if name.endswith(".damaged"))
        for name in aside[:-DAMAGED_FILES_MAX]:
            self._directory.unlink(name)
