"""Going through a segment frame by frame, and saying what is wrong with it. Pure.

The law of a segment: frames of one topic stand one after another, nothing between them, offsets dense, epoch and
appended never falling. Where that breaks, `resync` finds what still counts behind it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from mq.journal.resync import next_good
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
            found = next_good(window, name, at, floor, limit)
            if found is None:
                yield Rest(at, window.stop, floor.offset)
                return
            yield Damaged(at, found.start, floor.offset, found.header.offset)
        yield found
        at, floor = found.stop, Floor.after(found.header)
