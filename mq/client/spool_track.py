"""How far one topic of a spool is. Decides only.

Places count the topic's records in the spool. They go by in this order::

    floor            fed                next
      | sent, waiting |  on disk only    |
      +---------------+------------------+
      settled below   handed out below   the next record's

Below `sent` something may have been sent in an earlier life, or in this one before it was killed. `identity` says under
which producer and sequence a place travels: it is noted before it does, so that a retry is the same frame.
"""

from __future__ import annotations

from typing import NamedTuple

SENT_AHEAD = 64  # records: so rarely is it noted how far sending is; so many may be in doubt that were not sent


class Identity(NamedTuple):
    """From a place on: which producer, and the sequence there. Of a producer of 0: none yet."""

    place: int
    producer: int
    sequence: int


NOBODY = Identity(0, 0, 0)


class Track:
    """One topic. `doubtful` is where that ends of which an earlier life may have sent something."""

    def __init__(self, start: int = 0) -> None:
        self.next = self.fed = self.floor = self.sent = self.doubtful = start
        self.identity = self._earlier = NOBODY
        self._settled: dict[int, int] = {}  # from place to place, above the floor

    @property
    def waiting(self) -> int:
        """Records on disk only: not handed out yet."""
        return self.next - self.fed

    @property
    def pending(self) -> int:
        """Records that are not settled."""
        return self.next - self.floor - sum(stop - place for place, stop in self._settled.items())

    @property
    def idle(self) -> bool:
        """Whether everything is settled."""
        return self.floor == self.next

    def append(self, count: int) -> int:
        """Take records in behind the others; return the place of the first."""
        place = self.next
        self.next += count
        return place

    def feed(self, place: int, count: int) -> bool:
        """Hand records out; return whether they are still to be."""
        if place < self.fed:
            return False
        self.fed = place + count
        return True

    def settle(self, place: int, count: int) -> None:
        """Note that records are done with, whatever became of them."""
        self._advance(place, place + count)
        if self.idle:
            self._forget()

    def drop(self, upto: int) -> int:
        """Give up what is on disk only, up to a place; return how many records that are."""
        first, self.fed = self.fed, max(self.fed, upto)
        self.settle(first, self.fed - first)
        return self.fed - first

    def fits(self, place: int, producer: int, sequence: int) -> bool:
        """Whether this is how the identity says that the record travels."""
        known = self.identity
        return known.producer == producer and sequence - known.sequence == place - known.place >= 0

    def may_send(self, place: int, producer: int, sequence: int) -> bool:
        """Whether a record may travel so. As somebody else only once all before it is settled: one identity is kept."""
        return self.floor == place or self.fits(place, producer, sequence)

    def send(self, place: int, count: int, producer: int, sequence: int) -> bool:
        """Note what is to be sent now, and as what; return whether that has to be written down first."""
        if self.fits(place, producer, sequence):
            if place + count <= self.sent:
                return False
        else:
            self.identity = Identity(place, producer, sequence)
        self.sent = max(self.sent, place + count - 1 + SENT_AHEAD)
        return True

    def doubted(self, place: int) -> tuple[int, int] | None:
        """Return as whose and which the record at a place may have been sent in an earlier life, None if in none."""
        known = self._earlier
        if place >= self.doubtful or known.producer == 0 or place < known.place:
            return None
        return known.producer, known.sequence + place - known.place

    # What a new life finds, in the order of the files.

    def found(self, place: int, count: int) -> bool:
        """Take in a frame; return whether it is new. What is missing before it was damaged, or dropped."""
        if place < self.next:
            return False
        hole, self.next = self.next, place
        self._advance(hole, place)
        self.next = place + count
        return True

    def recall(self, floor: int, sent: int, identity: Identity) -> None:
        """Take in a note."""
        self.next = max(self.next, floor)
        self._advance(self.floor, floor)
        self.sent, self.identity = sent, identity

    def resume(self) -> None:
        """Begin anew with what was found."""
        self.fed = self.floor
        self.sent = self.doubtful = min(max(self.sent, self.floor), self.next)
        if self.sent == self.floor:
            self._forget()
        self._earlier = self.identity

    def _advance(self, place: int, stop: int) -> None:
        if stop <= max(place, self.floor):
            return
        self._settled[max(place, self.floor)] = stop
        while (reached := self._settled.pop(self.floor, None)) is not None:
            self.floor = reached

    def _forget(self) -> None:
        self.identity = NOBODY
        self.sent = self.doubtful = self.floor
