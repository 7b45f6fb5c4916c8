"""Copies of what was cut off: in ``<data>/quarantine``, named by topic, segment and byte. None replaces another.

They are bounded: where a new copy makes them more than they may be, the oldest go. One that is too large by itself is
kept all the same, alone.
"""

from __future__ import annotations

import errno
import logging
import os
from contextlib import suppress
from itertools import count
from typing import NamedTuple

from mq.journal import layout
from mq.journal.files import Files

_log = logging.getLogger(__name__)

_PIECE_BYTES = 1 << 20
_ENDING = ".torn"


class Copy(NamedTuple):
    """A copy that is kept. `made` is when, in ns."""

    made: int
    path: str
    size: int


class Quarantine:
    """The copies of one data directory. All raise `OSError`."""

    def __init__(self, files: Files, data: str, bytes_max: int) -> None:
        self._files = files
        self._data = data
        self._bytes_max = bytes_max

    def keep(self, topic: str, path: str, base: int, start: int, stop: int) -> str:
        """Make a durable copy of bytes `start` to `stop` of a topic's file, and return its path."""
        directory = os.path.join(self._data, layout.QUARANTINE)
        if not os.path.isdir(directory):
            self._files.make_directory(directory)
        self._files.sync_directory(self._data)
        source = self._files.open(path, os.O_RDONLY)
        try:
            self._make_room(stop - start)
            copy, target = self._open_new(f"{directory}/{topic.replace('/', '@')}@{base:020}@{start}")
            try:
                for at in range(start, stop, _PIECE_BYTES):
                    self._write(target, self._files.read_at(source, min(_PIECE_BYTES, stop - at), at), copy)
                self._files.sync(target)
            except OSError:
                self._files.remove(copy)  # half a copy is none, and takes room
                raise
            finally:
                self._files.close(target)
        finally:
            self._files.close(source)
        self._files.sync_directory(directory)
        return copy

    def _make_room(self, size: int) -> None:
        """Delete the oldest copies, as far as one more of `size` bytes makes them too many."""
        surplus = surplus_of(kept(self._files, self._data), self._bytes_max - size)
        for copy in surplus:
            with suppress(FileNotFoundError):
                self._files.remove(copy.path)
        if surplus:
            _log.warning(
                "%s: the oldest %d copies, %d bytes, were deleted to make room for a new one: all may have %d bytes",
                *(os.path.join(self._data, layout.QUARANTINE), len(surplus), sum(copy.size for copy in surplus)),
                self._bytes_max,
            )

    def _open_new(self, stem: str) -> tuple[str, int]:
        for number in count():
            path = f"{stem}.{number}{_ENDING}"
            if not os.path.lexists(path):
                return path, self._files.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        raise AssertionError("there is always a next number")

    def _write(self, descriptor: int, data: bytes, path: str) -> None:
        if self._files.write(descriptor, data) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)


def kept(files: Files, data: str) -> list[Copy]:
    """Return the copies that there are, the oldest first. Raises `OSError`."""
    directory = os.path.join(data, layout.QUARANTINE)
    copies = []
    for name in files.names(directory):
        if name.endswith(_ENDING):
            path = os.path.join(directory, name)
            copies.append(Copy(os.stat(path).st_mtime_ns, path, files.size(path)))
    return sorted(copies)


def surplus_of(copies: list[Copy], bytes_max: int) -> list[Copy]:
    """Return those of the copies, the oldest first, without which the others are at most `bytes_max`."""
    surplus, over = [], sum(copy.size for copy in copies) - bytes_max
    for copy in copies:
        if over <= 0:
            break
        surplus.append(copy)
        over -= copy.size
    return surplus
