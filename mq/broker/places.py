"""Where a consumer stands in one topic. Decides, and touches nothing.

::

    settled      | pieces: leased or waiting, between them settled |  not given out yet
    -------------+-------------------------------------------------+-------------------
              position                                            next

Below `next` everything has been given out; what of it is not settled is in pieces, in order, none touching another's
offsets. A consumer that is not shared has no pieces: its position is `next`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

NOBODY = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """Records that are not settled: who holds them, or `NOBODY`, and how many times they were given out."""

    first: int
    next: int
    tries: int
    holder: int = NOBODY

    @property
    def records(self) -> int:
        """How many they are."""
        return self.next - self.first


@dataclass(slots=True)
class Place:
    """One topic of one consumer. `epoch` is that of the record before `next`, 0 where it is not known.

    Of a shared consumer it is the journal's when `next` was reached: no record before `next` is of a later one.
    """

    next: int = 0
    epoch: int = 0
    pieces: list[Piece] = field(default_factory=list)

    @property
    def position(self) -> int:
        """The first offset that is not settled."""
        pieces = self.pieces[:1]  # looked at once: another thread may ask while they change
        return pieces[0].first if pieces else self.next

    @property
    def open(self) -> int:
        """How many records have been given out and are not settled."""
        return sum(piece.records for piece in self.pieces)

    def lease(self, given: Piece, epoch: int) -> None:
        """Note that a piece was given out: one that waited, or the first behind `next`."""
        if given.first < self.next:
            self._change(given.first, given.next, lambda part: replace(part, tries=given.tries, holder=given.holder))
        else:
            self.pieces.append(given)
            self.next, self.epoch = given.next, epoch

    def reach(self, offset: int) -> int:
        """Let wait what was not given out before `offset`, and return how many records that are."""
        missed = max(0, offset - self.next)
        if missed:
            self.pieces.append(Piece(self.next, offset, 0))
            self.next = offset
        return missed

    def skip_to(self, offset: int) -> None:
        """Note that what was not given out before `offset` cannot be had any more."""
        self.next = max(self.next, offset)

    def settle(self, first: int, stop: int) -> None:
        """Note that the records `first` to `stop` - 1 are done with."""
        self._change(first, stop, lambda _: None)

    def release(self, first: int, stop: int, *, unused: bool) -> None:
        """Let them wait for another member. Those that were not used do not count as tried."""
        back = 1 if unused else 0
        self._change(first, stop, lambda part: replace(part, tries=max(0, part.tries - back), holder=NOBODY))

    def release_all_of(self, holder: int) -> None:
        """Let everything wait that a member holds."""
        self.pieces = [replace(it, holder=NOBODY) if it.holder == holder else it for it in self.pieces]

    def cut(self, end: int, epoch: int) -> None:
        """Forget what lies from `end` on: the journal has lost it, and gives its offsets out again."""
        self.settle(end, max(end, self.next))
        self.next, self.epoch = min(self.next, end), epoch

    def held_by(self, holder: int) -> Iterator[Piece]:
        """Yield what a member holds, or what waits."""
        return (piece for piece in self.pieces if piece.holder == holder)

    def open_within(self, first: int, stop: int) -> Iterator[Piece]:
        """Yield what is not settled of these records, cut to them."""
        for piece in self.pieces[self._first_touching(first) :]:
            if piece.first >= stop:
                return
            if piece.next > first:
                yield replace(piece, first=max(first, piece.first), next=min(stop, piece.next))

    def _change(self, first: int, stop: int, change: Callable[[Piece], Piece | None]) -> None:
        """Put the outcome of `change` in the place of each part within; what sticks out on either side stays."""
        start = end = self._first_touching(first)
        changed: list[Piece] = []
        while end < len(self.pieces) and self.pieces[end].first < stop:
            piece = self.pieces[end]
            low, high = max(first, piece.first), min(stop, piece.next)
            if low >= high:
                changed.append(piece)
            else:
                middle = change(replace(piece, first=low, next=high))
                parts = (replace(piece, next=low), middle, replace(piece, first=high))
                changed += [part for part in parts if part is not None and part.records > 0]
            end += 1
        self.pieces[start:end] = changed

    def _first_touching(self, offset: int) -> int:
        return max(0, bisect_right(self.pieces, offset, key=lambda piece: piece.first) - 1)
