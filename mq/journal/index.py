"""The sparse index of a segment: where some of its frames begin. A cache of the log, rebuilt when it is gone or wrong.

::

    entry (32 bytes, little-endian): offset 8 | appended 8 | position 8 | epoch 4 | crc 4

The crc (CRC-32C) also covers the topic and the segment's base, so another segment's index is not taken for this one's.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from struct import Struct
from typing import NamedTuple

from google_crc32c import extend, value

_ENTRY = Struct("<QQQI")
_CRC = Struct("<I")
ENTRY_SIZE = _ENTRY.size + _CRC.size


class Entry(NamedTuple):
    """A frame begins at `position`, with this offset, time of appending (ns) and epoch."""

    offset: int
    appended: int
    position: int
    epoch: int


class Index:
    """Entries in order. One thread adds, any may look up: every column only grows, `position` last."""

    def __init__(self) -> None:
        self._offset = array("Q")
        self._appended = array("Q")
        self._epoch = array("I")
        self._position = array("Q")

    def __len__(self) -> int:
        return len(self._position)

    def __getitem__(self, place: int) -> Entry:
        """Return an entry; of a negative place, counted from the end as it is now."""
        place = place + len(self) if place < 0 else place
        return Entry(self._offset[place], self._appended[place], self._position[place], self._epoch[place])

    def add(self, entry: Entry) -> None:
        """Add an entry behind all others."""
        self._offset.append(entry.offset)
        self._appended.append(entry.appended)
        self._epoch.append(entry.epoch)
        self._position.append(entry.position)

    @property
    def end(self) -> int:
        """The position of the last entry, -1 when there is none."""
        return self._position[-1] if self._position else -1

    def by_offset(self, offset: int) -> Entry | None:
        """Return the last entry at or below an offset."""
        place = bisect_right(self._offset, offset, 0, len(self)) - 1
        return self[place] if place >= 0 else None

    def by_position(self, position: int) -> Entry | None:
        """Return the last entry at a byte or before it."""
        place = bisect_right(self._position, position, 0, len(self)) - 1
        return self[place] if place >= 0 else None

    def by_time(self, time: int) -> Entry | None:
        """Return the last entry appended before `time`."""
        place = bisect_right(self._appended, time - 1, 0, len(self)) - 1
        return self[place] if place >= 0 else None

    def by_epoch(self, epoch: int) -> Entry | None:
        """Return the last entry of this epoch or an earlier one."""
        place = bisect_right(self._epoch, epoch, 0, len(self)) - 1
        return self[place] if place >= 0 else None

    def last(self) -> Entry | None:
        """Return the last entry."""
        place = len(self) - 1
        return self[place] if place >= 0 else None


def seed(name: bytes, base: int) -> int:
    """Return what an entry's checksum starts from: the topic (with its NUL) and the segment's base."""
    return int(value(name + base.to_bytes(8, "little")))


def encode(index: Index, start: int, sealed_by: int) -> bytes:
    """Return the entries from number `start` on as they stand in a file. `sealed_by` is the segment's `seed`."""
    out = bytearray()
    for place in range(start, len(index)):
        packed = _ENTRY.pack(*index[place])
        out += packed + _CRC.pack(extend(sealed_by, packed))
    return bytes(out)


def decode(data: bytes, sealed_by: int, size: int) -> Index:
    """Return the good entries at the start of a file, of a log that is `size` bytes long."""
    index = Index()
    last = Entry(0, 0, -1, 0)
    for at in range(0, len(data) - ENTRY_SIZE + 1, ENTRY_SIZE):
        packed = data[at : at + _ENTRY.size]
        entry = Entry(*_ENTRY.unpack(packed))
        if not last.position < entry.position < size or not _is_behind(entry, last):
            break
        if _CRC.unpack_from(data, at + _ENTRY.size)[0] != extend(sealed_by, packed):
            break
        index.add(entry)
        last = entry
    return index


def _is_behind(entry: Entry, last: Entry) -> bool:
    return entry.offset >= last.offset and entry.appended >= last.appended and entry.epoch >= last.epoch
