"""What stands in a spool's files: the project's own frames, one after another, as a journal's segment holds them.

A frame's `offset` is its place: it counts the records of its topic in this spool. `appended` is when it was written,
`epoch` marks it as a spool's. Its producer and sequence are 0: under which it travels is said by notes.

A note is a frame of the topic ``_mq/spool`` without an offset. Its record is a msgpack array: a version, and rows that
say of topics how far they are; the last row of a topic holds. Damage is passed over, up to the next good frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgpack

from mq.frame import (
    HEADER_SIZE,
    MAGIC,
    UNSTORED,
    VERSION,
    Content,
    Header,
    Wanted,
    body_holds,
    body_kind,
    header_at,
    own,
    stamp,
)
from mq.topic import TOPIC_BYTES_MAX

NOTES = "_mq/spool"
NOTES_VERSION = 1
EPOCH = 0x53504F4C  # of the year 2014: no journal has it, so frames that lie in a record are told from the spool's
_CRC_AT = 36
_OPENING = b"\0" + MAGIC + bytes([VERSION])
_ROW = [str, int, int, int, int, int]

Row = tuple[str, int, int, int, int, int]


class BadNote(Exception):
    """A note in a spool that is of a newer version, or makes no sense."""


class Found(NamedTuple):
    """A frame that holds, and where it stands."""

    topic: str
    header: Header
    body: bytes
    at: int
    stop: int

    @property
    def is_note(self) -> bool:
        """Whether it tells of frames, and carries nothing itself."""
        return self.topic == NOTES and self.header.offset == UNSTORED

    @property
    def place(self) -> int:
        """Return the place of its first record among its topic's."""
        return self.header.offset

    @property
    def content(self) -> Content:
        """Return what it carries, as it was packed."""
        batch, codec = body_kind(self.header.flags)
        return Content(self.topic.encode("ascii"), self.header.count, batch, self.body, codec)


class Damage(NamedTuple):
    """Bytes that are no frame. What is cut off `at_end` was never written whole, or lost with the power."""

    at: int
    stop: int
    at_end: bool


def kept(content: Content, *, wanted: Wanted, produced: int, place: int, now: int) -> bytes:
    """Return the frame by which content is kept."""
    return stamp(own(content, produced=produced, wanted=wanted), place, now, EPOCH)


def note(rows: Iterable[Row], now: int) -> bytes:
    """Return the note that holds these rows.

    A row is a topic, the first place that is not settled, up to where something may have been sent, and the identity:
    from which place on, which producer, which sequence there. A producer of 0 says that there is none.
    """
    body: bytes = msgpack.packb([NOTES_VERSION, *rows])
    content = Content(NOTES.encode("ascii"), 1, batch=False, body=body)
    return stamp(own(content, produced=now), UNSTORED, now, EPOCH)


def rows_of(body: bytes) -> list[Row]:
    """Return a note's rows, or raise `BadNote`: it is of a newer version, or makes no sense."""
    try:
        version, *rows = msgpack.unpackb(body)
    except (ValueError, TypeError) as error:
        raise BadNote(f"a note that is not a msgpack array: {error}") from None
    if version != NOTES_VERSION:
        raise BadNote(f"a note of version {version}, only {NOTES_VERSION} is known here")
    for row in rows:
        if not isinstance(row, list) or list(map(type, row)) != _ROW or min(row[1:]) < 0:
            raise BadNote("a note with a row that is none")
    return [(row[0], row[1], row[2], row[3], row[4], row[5]) for row in rows]


def scan(buffer: bytes) -> Iterator[Found | Damage]:
    """Take a file, or the rest of one, apart."""
    at = 0
    while at < len(buffer):
        found = _at(buffer, at)
        if found is None:
            stop = _resume(buffer, at)
            yield Damage(at, stop, at_end=stop == len(buffer))
            at = stop
        else:
            yield found
            at = found.stop


def _at(buffer: bytes, at: int) -> Found | None:
    """Return the frame that begins here, None where none does that holds."""
    header = _header(buffer, at)
    if header is None:
        return None
    nul = buffer.index(0, at)
    body_at = nul + 1 + HEADER_SIZE
    stop = body_at + header.length
    body = buffer[body_at:stop]
    if len(body) != header.length or not body_holds(buffer[at : nul + 1 + _CRC_AT], header, body):
        return None
    return Found(buffer[at:nul].decode("ascii", "replace"), header, body, at, stop)


def _header(buffer: bytes, at: int) -> Header | None:
    nul = buffer.find(0, at, at + TOPIC_BYTES_MAX + 1)
    header = header_at(buffer, at, buffer[at : nul + 1]) if nul > at else None
    return header if header is not None and header.epoch == EPOCH else None


def _resume(buffer: bytes, at: int) -> int:
    """Return where the next frame begins behind damage. Where a header holds, its length is trusted."""
    header = _header(buffer, at)
    if header is not None:
        return min(buffer.index(0, at) + 1 + HEADER_SIZE + header.length, len(buffer))
    nul = at
    while (nul := buffer.find(_OPENING, nul + 1)) >= 0:
        for start in range(max(at + 1, nul - TOPIC_BYTES_MAX), nul):
            if _header(buffer, start) is not None:
                return start
    return len(buffer)
