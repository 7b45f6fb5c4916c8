"""Where a stream has got to, as the text that is its events' id: who gives it back goes on behind it.

``t1764000000000000000 host/n1/cpu@17.1764000000 host/n1/mem@3.1764000000``: a start, for topics that are not named
(``t`` a time in ns, ``o`` an offset), then each topic that has moved, with offset and epoch of its position.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from mq.client.cursor import NO_END
from mq.errors import BadTopic, MqError
from mq.topic import encode_topic

EPOCH_MAX = 2**32 - 1
_START = re.compile(r"([to])(\d{1,20})", re.ASCII)
_MOVED = re.compile(r"([^@\s]{1,200})@(\d{1,20})\.(\d{1,10})", re.ASCII)


class BadCursor(MqError, ValueError):
    """An id that is none of this stream's."""

    def __init__(self, why: str) -> None:
        super().__init__(f"this Last-Event-ID is no place in this stream: {why}; leave it out to begin anew")


@dataclass(slots=True)
class Cursor:
    """`start` is for topics without a position: an offset, or a time in ns where `by_time`."""

    start: int
    by_time: bool
    positions: dict[str, tuple[int, int | None]] = field(default_factory=dict)

    def move(self, topic: str, offset: int, epoch: int) -> None:
        """Note that a topic is read up to an offset; `epoch` is that of the record before it, 0 where unknown."""
        self.positions[topic] = offset, epoch or None

    def encode(self) -> str:
        """Return the id."""
        moved = [f"{topic}@{offset}.{epoch or 0}" for topic, (offset, epoch) in self.positions.items()]
        return " ".join([f"{'t' if self.by_time else 'o'}{self.start}", *moved])


def decode(text: str, topics_max: int) -> Cursor:
    """Read an id, or raise `BadCursor`."""
    first, *rest = text.split(" ")
    start = _START.fullmatch(first)
    if start is None or int(start[2]) > NO_END:
        raise BadCursor("it does not begin with a start")
    if len(rest) > topics_max:
        raise BadCursor(f"it names {len(rest)} topics, and {topics_max} is the most")
    cursor = Cursor(int(start[2]), start[1] == "t")
    for part in rest:
        cursor.move(*_moved(part))
    return cursor


def _moved(part: str) -> tuple[str, int, int]:
    found = _MOVED.fullmatch(part)
    try:
        if found is not None and int(found[2]) < NO_END and int(found[3]) <= EPOCH_MAX:
            encode_topic(found[1])
            return found[1], int(found[2]), int(found[3])
    except BadTopic:
        pass
    raise BadCursor(f"{part[:60]!r} is no position")
