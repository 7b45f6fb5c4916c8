r"""What is fixed in a capsule: its head, the header of a block, and its end. Pure; all numbers little-endian.

::

    head     0           8         12     20    24
             +-----------+---------+------+-----+
             | signature | version |  id  | crc |
             +-----------+---------+------+-----+

    block    0       4      12     20      24       28          32    36
             +-------+------+------+-------+--------+-----------+-----+-------+--------+
             | magic |  id  |  at  | label | frames | label_crc | crc | label | frames |
             +-------+------+------+-------+--------+-----------+-----+-------+--------+

    end      0       8      16    20      24
             +-------+------+-----+-------+
             | index |  id  | crc | magic |
             +-------+------+-----+-------+

`crc` is the CRC-32C of the bytes before it in the same part, `label_crc` that of the label.
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from google_crc32c import value

SIGNATURE = b"\x89MQC\r\n\x1a\n"
VERSION = 1
BLOCK_MAGIC = b"MQCB"
END_MAGIC = b"MQCE"
PART_BYTES_MAX = 64 << 20
"""A label, or the frames of one block: what a reader takes into memory at once."""

_HEAD = Struct("<8sIQ")
_BLOCK = Struct("<4sQQIII")
_END = Struct("<QQ")
_CRC = Struct("<I")
HEAD_SIZE = _HEAD.size + _CRC.size
BLOCK_SIZE = _BLOCK.size + _CRC.size
END_SIZE = _END.size + _CRC.size + len(END_MAGIC)


class Head(NamedTuple):
    """How a capsule begins. `id` is drawn at random when it is made."""

    version: int
    id: int


class Block(NamedTuple):
    """Where a block stands, and how many bytes its label and its frames have."""

    at: int
    label: int
    frames: int

    @property
    def label_at(self) -> int:
        """Where the label begins."""
        return self.at + BLOCK_SIZE

    @property
    def frames_at(self) -> int:
        """Where the frames begin."""
        return self.label_at + self.label

    @property
    def stop(self) -> int:
        """Where the block ends."""
        return self.frames_at + self.frames


class End(NamedTuple):
    """How a capsule ends. `index_at` is where the block of the index stands."""

    index_at: int
    id: int


def encode_head(head: Head) -> bytes:
    """Return the bytes of a head."""
    return _sealed(_HEAD.pack(SIGNATURE, head.version, head.id))


def decode_head(data: bytes) -> Head | None:
    """Return what a head says, None when it does not hold."""
    if len(data) < HEAD_SIZE or not data.startswith(SIGNATURE) or not _holds(data[:HEAD_SIZE]):
        return None
    _, version, identity = _HEAD.unpack_from(data)
    return Head(version, identity)


def encode_block(identity: int, block: Block, label: bytes) -> bytes:
    """Return the header of a block, and its label behind it."""
    fields = _BLOCK.pack(BLOCK_MAGIC, identity, block.at, len(label), block.frames, value(label))
    return _sealed(fields) + label


def decode_block(data: bytes, identity: int, at: int) -> tuple[Block, int] | None:
    """Return the block that this header is of, and the checksum of its label; None when it does not hold there."""
    if len(data) < BLOCK_SIZE or not _holds(data[:BLOCK_SIZE]):
        return None
    magic, theirs, place, label, frames, label_crc = _BLOCK.unpack_from(data)
    if (magic, theirs, place) != (BLOCK_MAGIC, identity, at) or max(label, frames) > PART_BYTES_MAX:
        return None
    return Block(at, label, frames), label_crc


def opening_of_blocks(identity: int) -> bytes:
    """Return what every block of a capsule begins with."""
    return BLOCK_MAGIC + identity.to_bytes(8, "little")


def encode_end(end: End) -> bytes:
    """Return the bytes of an end."""
    return _sealed(_END.pack(*end)) + END_MAGIC


def decode_end(data: bytes) -> End | None:
    """Return what an end says, None when it does not hold."""
    if len(data) != END_SIZE or not data.endswith(END_MAGIC) or not _holds(data[: -len(END_MAGIC)]):
        return None
    return End._make(_END.unpack_from(data))


def _sealed(fields: bytes) -> bytes:
    return fields + _CRC.pack(value(fields))


def _holds(sealed: bytes) -> bool:
    return bool(_CRC.pack(value(sealed[: -_CRC.size])) == sealed[-_CRC.size :])
