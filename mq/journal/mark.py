"""How far a topic's active segment has been synced: kept beside the log, written after a sync, persisted by the next.

::

    base 8 | position 8 | next offset 8 | last frame's position 8 | appended 8 | epoch 4 | crc 4      (48 bytes)

Below `position` everything was on the disk once: what is wrong there is damage. Past it, a tail with nothing valid
behind it is torn. A mark that is missing or does not hold says nothing, as if `position` were 0.
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from google_crc32c import extend, value

_FIELDS = Struct("<QQQQQI")
_CRC = Struct("<I")
MARK_SIZE = _FIELDS.size + _CRC.size


class Mark(NamedTuple):
    """The state of the log at `position` bytes of segment `base`. `last` is where the frame before it begins."""

    base: int
    position: int
    next: int
    last: int
    appended: int
    epoch: int


def encode(mark: Mark, name: bytes) -> bytes:
    """Return the mark of topic `name` (with its NUL) as it stands in its file."""
    packed = _FIELDS.pack(*mark)
    return packed + _CRC.pack(extend(value(name), packed))


def decode(data: bytes, name: bytes) -> Mark | None:
    """Return the mark, None when it does not hold."""
    if len(data) != MARK_SIZE:
        return None
    packed = data[: _FIELDS.size]
    if _CRC.unpack_from(data, _FIELDS.size)[0] != extend(value(name), packed):
        return None
    return Mark(*_FIELDS.unpack(packed))
