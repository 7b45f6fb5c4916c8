"""Records of one topic that were sent one after another, and travel in one frame: they have one outcome."""

from __future__ import annotations

from dataclasses import dataclass

from mq.client.ack import Stored
from mq.errors import MqError
from mq.frame import Content, Wanted

BATCH_BYTES_MAX = 64 << 10
BATCH_RECORDS_MAX = 1_000
MARK_BYTES = 5  # what msgpack puts before a record, at most
RECORD_BYTES = 128  # memory that a record takes beside its bytes, roughly


Outcome = Stored | MqError


@dataclass(slots=True)
class Kept:
    """Where a batch is in a spool: the place of its first record, and its segment's number (0: in memory only).

    `doubt` is as whose and which it may have been sent in an earlier life.
    """

    place: int
    segment: int
    wanted: Wanted
    doubt: tuple[int, int] | None = None


class Batch:
    """Gathers records until it is closed. `room` is what it still takes, in bytes of body.

    `due` is when it is to leave, `give_up_at` when nobody waits for its answer any longer. One that is `whole` holds
    records that are to be stored together or not at all. One with a spool behind it is `kept`.
    """

    __slots__ = (
        *("topic", "records", "room", "whole", "content", "produced", "due", "give_up_at"),
        *("count", "cost", "outcome", "halves", "asked", "kept", "__weakref__"),
    )

    def __init__(self, topic: str, room: int, *, produced: int, due: float, give_up_at: float) -> None:
        self.topic = topic
        self.records: list[bytes] = []
        self.room = room
        self.whole = False
        self.content: Content | None = None
        self.produced = produced
        self.due = due
        self.give_up_at = give_up_at
        self.count = 0
        self.cost = room
        self.outcome: Outcome | None = None
        self.halves: tuple[Batch, Batch] | None = None
        self.asked = False
        self.kept: Kept | None = None

    def close(self) -> None:
        """Take no more records: from now on it is known how many there are, and what memory they cost."""
        self.count = len(self.records)
        self.cost += self.count * (RECORD_BYTES - MARK_BYTES) - self.room

    def outcome_at(self, place: int) -> Outcome | None:
        """Return what became of the record at a place, None as long as nobody knows."""
        if self.halves is not None:
            first, second = self.halves
            return first.outcome_at(place) if place < first.count else second.outcome_at(place - first.count)
        if isinstance(self.outcome, Stored):
            return Stored(self.outcome.offset + place, self.outcome.level)
        return self.outcome

    def split(self) -> tuple[Batch, Batch] | None:
        """Make two of one that is too large for a frame, None when it must not be, or cannot."""
        if self.whole or self.count < 2:  # noqa: PLR2004 - what two halves need
            return None
        middle = self.count // 2
        self.halves = self._part(self.records[:middle]), self._part(self.records[middle:])
        self.records = []
        return self.halves

    def _part(self, records: list[bytes]) -> Batch:
        part = Batch(self.topic, 0, produced=self.produced, due=self.due, give_up_at=self.give_up_at)
        part.records = records
        part.room = -sum(map(len, records)) - len(records) * MARK_BYTES
        part.close()
        return part
