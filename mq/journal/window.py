"""The bytes of a segment as they are gone through, and a frame in them. Pure: bytes come from a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from mq.frame import HEADER_SIZE, Header, body_holds, header_at

WINDOW_BYTES = 1 << 20
NO_LIMIT = 2**64 - 1
_CRC_COVERS = 36

Read = Callable[[int, int], bytes]


class Floor(NamedTuple):
    """What the next frame may not be below: its offset (to be met exactly, unless after damage), epoch, appended."""

    offset: int
    epoch: int
    appended: int

    @classmethod
    def after(cls, header: Header) -> Floor:
        """Return what the frame behind this one follows."""
        return cls(header.next_offset, header.epoch, header.appended)


class Found(NamedTuple):
    """A good frame at bytes `start` to `stop`."""

    start: int
    stop: int
    header: Header


class Window:
    """A part of a file in memory, moving along with who reads it."""

    def __init__(self, read: Read, stop: int) -> None:
        self._read = read
        self.stop = stop
        self._buffer = b""
        self._start = 0

    def take(self, at: int, size: int) -> bytes:
        """Return `size` bytes at `at`, fewer where the file ends."""
        size = min(size, self.stop - at)
        if size <= 0:
            return b""
        inside = at - self._start
        if inside < 0 or inside + size > len(self._buffer):
            self._buffer = self._read(at, min(max(size, WINDOW_BYTES), self.stop - at))
            self._start, inside = at, 0
        return self._buffer[inside : inside + size]

    def find(self, needle: bytes, at: int) -> int:
        """Return where `needle` stands next, from `at` on; -1 when nowhere."""
        while at + len(needle) <= self.stop:
            piece = self.take(at, WINDOW_BYTES)
            found = piece.find(needle)
            if found >= 0:
                return at + found
            at += max(1, len(piece) - len(needle) + 1)
        return -1


def frame_at(window: Window, name: bytes, at: int) -> Found | None:
    """Return the frame of topic `name` (with its NUL) at `at`, both its checksums right; None if there is none."""
    header = header_at(window.take(at, len(name) + HEADER_SIZE), 0, name)
    if header is None:
        return None
    stop = at + len(name) + HEADER_SIZE + header.length
    if stop > window.stop:
        return None
    whole = window.take(at, stop - at)
    body = whole[len(name) + HEADER_SIZE :]
    return Found(at, stop, header) if body_holds(whole[: len(name) + _CRC_COVERS], header, body) else None


def follows(header: Header, floor: Floor, limit: int) -> bool:
    """Whether a frame may come somewhere behind what `floor` tells, below the offset `limit`."""
    return (
        floor.offset <= header.offset < header.next_offset <= limit
        and header.epoch >= floor.epoch
        and header.appended >= floor.appended
    )
