"""Going through a segment frame by frame, and saying what is wrong with it. Pure.

The law of a segment: frames of one topic stand one after another, nothing between them, offsets dense, epoch and
appended never falling. Where that breaks, `resync` finds what still counts behind it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from mq.journal.resync import survivors
from mq.journal.window import NO_LIMIT, Floor, Found, Window, follows, frame_at


class Damaged(NamedTuple):
    """Bytes `start` to `stop` hold no frames that count; the offsets `first` to `next` - 1 are gone with them."""

    start: int
    stop: int
    first: int
    next: int


class Rest(NamedTuple):
    """From `start` to the end of the segment there is no frame that counts. Torn or damaged is not for bytes to say."""

    start: int
    stop: int
    first: int


Event = Found | Damaged | Rest


def scan(window: Window, name: bytes, at: int, floor: Floor, limit: int = NO_LIMIT) -> Iterator[Event]:
    """Go through frames of topic `name` (with its NUL) from byte `at` on, where `floor` is due.

    `limit` is the offset that the segment ends below: the base of the next one, or the end of the log.
    """
    while at < window.stop:
        found = frame_at(window, name, at)
        if found is None or found.header.offset != floor.offset or not follows(found.header, floor, limit):
            yield from _after_damage(window, name, at, floor, limit)
            return
        yield found
        at, floor = found.stop, Floor.after(found.header)


def _after_damage(window: Window, name: bytes, at: int, floor: Floor, limit: int) -> Iterator[Event]:
    for chain in survivors(window, name, at, floor, limit):
        yield Damaged(at, chain.start, floor.offset, chain.first.offset)
        at = chain.start
        while at < chain.stop:
            found = frame_at(window, name, at)
            if found is None:  # the file changed under the reader
                break
            yield found
            at, floor = found.stop, Floor.after(found.header)
    if at < window.stop:
        yield Rest(at, window.stop, floor.offset)
