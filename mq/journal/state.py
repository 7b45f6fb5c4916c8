"""A topic's log as its readers see it."""

from __future__ import annotations

from typing import NamedTuple

from mq.journal.segment import Segment


class State(NamedTuple):
    """A topic's log at one moment. `size` is that of the active segment, the last; `last` where its last frame begins.

    `epoch` and `appended` are those of the last record, whatever segment it is in.
    """

    segments: tuple[Segment, ...]
    size: int
    next: int
    last: int
    appended: int
    epoch: int

    @property
    def first(self) -> int:
        """The first offset that is kept."""
        return self.segments[0].base

    def size_of(self, segment: Segment) -> int:
        """Return how many bytes of a segment are written."""
        return self.size if segment is self.segments[-1] else segment.size

    def limit_of(self, segment: Segment) -> int:
        """Return the offset that a segment ends below."""
        return min(segment.limit, self.next)


def ended(directory: str, offset: int, epoch: int, appended: int) -> State:
    """Return the log of a topic of which nothing is left, or nothing was yet: its next record is at `offset`."""
    return State((Segment.fresh(directory, offset),), 0, offset, -1, appended, epoch)
