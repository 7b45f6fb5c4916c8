"""What comes out of a replay or a subscription."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mq.frame import UNSTORED, Frame


class Message(NamedTuple):
    """One record. `time` (the broker's) and `produced` (the producer's) are ns since the Unix epoch.

    `offset` is None for a record that the journal could not store.
    """

    topic: str
    offset: int | None
    time: int
    produced: int
    body: bytes


class Batch(NamedTuple):
    """The records of one frame, `offset` that of the first."""

    topic: str
    offset: int | None
    time: int
    produced: int
    records: list[bytes]

    def messages(self) -> Iterator[Message]:
        """Yield each record with its own offset."""
        topic, offset, time, produced, records = self
        for record in records:
            yield Message(topic, offset, time, produced, record)
            if offset is not None:
                offset += 1

    def part(self, first: int, stop: int) -> Batch | None:
        """Return the records with offsets `first` to `stop` - 1, None when there are none."""
        if self.offset is None or (self.offset >= first and self.offset + len(self.records) <= stop):
            return self
        begin, end = max(first - self.offset, 0), min(stop - self.offset, len(self.records))
        if begin >= end:
            return None
        return self._replace(offset=self.offset + begin, records=self.records[begin:end])


def batch_from(messages: Sequence[Message]) -> Batch | None:
    """Return messages of one frame that follow on each other as a batch, None where there are none."""
    if not messages:
        return None
    first = messages[0]
    return Batch(*first[:4], [message.body for message in messages])


def batch_of(frame: Frame) -> Batch:
    """Return a stamped frame's records. Raises `FrameRefused`."""
    header = frame.header
    offset = None if header.offset == UNSTORED else header.offset
    return Batch(frame.topic, offset, header.appended, header.produced, frame.records())
