"""Where a subscriber stands in one topic, and what it asks for next."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from mq.client.message import Batch
from mq.errors import MqError

NO_END = 2**64 - 1
LIVES_MAX = 16
CREDIT_BYTES = 1 << 20

Found = Batch | MqError


@dataclass(slots=True)
class Cursor:
    """One topic: the next offset due, and the epoch of the record before it where one was seen.

    `end` is the furthest that the topic is known to reach, `overdue` what it reached an asking ago; `had` is what
    `next` was when the ends were last asked for. `lives` has the epochs of what was handed out, each with the offset
    from which on it holds. `queued` while it is to be fetched: live frames are then left alone.
    """

    topic: str
    next: int | None
    epoch: int | None = None
    end: int = 0
    overdue: int = 0
    had: int = 0
    queued: bool = False
    lives: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=LIVES_MAX))

    def epoch_before(self, offset: int) -> int:
        """Return the epoch of the record before an offset, if that was handed out; else 0."""
        return next((epoch for first, epoch in reversed(self.lives) if first < offset), 0)


@dataclass(frozen=True, slots=True)
class Wish:
    """Something to ask the broker: frames from an offset on, so many bytes of them, or the offset of a time."""

    topic: str
    offset: int | None
    epoch: int | None = None
    time: int = 0
    credit: int = CREDIT_BYTES
