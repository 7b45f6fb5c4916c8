"""Reading a capsule: records in the shape in which a replay gives them, from a file instead of a broker."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from types import TracebackType

from mq.capsule.contents import Event, events
from mq.capsule.file import CapsuleFile
from mq.capsule.labels import TRIMMED, About, Frames, Lost, Row
from mq.capsule.survey import survey
from mq.client.message import Batch, Message, batch_of
from mq.errors import CapsuleDamaged, Gap, Trimmed
from mq.topic import encode_topic

SECOND_NS = 1_000_000_000
NO_END = 2**64

Point = int | datetime


class Capsule:
    """What one file holds. For one thread. Its making raises `CapsuleUnusable`.

    `about` is what it was made of, None where the damage is such that nobody can tell; `topics` are the rows of its
    index.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._file = CapsuleFile(path)
        try:
            found = survey(self._file)
        except BaseException:
            self._file.close()
            raise
        self.about: About | None = found.about
        self.topics: list[Row] = found.rows
        self._rows = {row.topic: row for row in found.rows}

    def replay(self, topic: str, start: Point = 0, stop: Point | None = None) -> Records:
        """Return the records of a topic from an offset, or a time of appending, on, up to `stop` or the end.

        Iterating raises `Gap` and `Trimmed` where the journal had nothing, and `CapsuleDamaged`, which is a `Gap`,
        where the file does not hold any more; iterate again to go on behind it. A topic that is not there has no
        records.
        """
        encode_topic(topic)
        span = _Span.of(start, stop)
        row = self._rows.get(topic, Row(topic))
        return Records(events(self._file, self._without_beginning(row, span)), span)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def __enter__(self) -> Capsule:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _without_beginning(self, row: Row, span: _Span) -> Row:
        """Leave out the blocks that end before what is wanted, by what their labels say."""
        first = row.first
        for place, block in enumerate(row.blocks):
            label = self._file.label_of(block)
            if not isinstance(label, Frames) or (label.next > span.first and label.newest >= span.since):
                return replace(row, first=first, blocks=row.blocks[place:])
            first = label.next
        return replace(row, first=first, blocks=[])


class _Span:
    """Which offsets and which times of appending are wanted; each end that is not said is open."""

    def __init__(self) -> None:
        self.first, self.stop = 0, NO_END
        self.since, self.until = 0, NO_END

    @classmethod
    def of(cls, start: Point, stop: Point | None) -> _Span:
        """Return what two points mean."""
        span = cls()
        if isinstance(start, datetime):
            span.since = _nanoseconds(start)
        else:
            span.first = start
        if isinstance(stop, datetime):
            span.until = _nanoseconds(stop)
        elif stop is not None:
            span.stop = stop
        return span


class Records:
    """An iterator of `Message`; `batches` gives whole frames, for speed."""

    def __init__(self, found: Iterator[Event], span: _Span) -> None:
        self._found, self._span = found, span
        self._messages: Iterator[Message] = iter(())

    def __iter__(self) -> Records:
        return self

    def __next__(self) -> Message:
        while True:
            message = next(self._messages, None)
            if message is not None:
                return message
            self._messages = self._next_batch().messages()

    def batches(self) -> Iterator[Batch]:
        """Yield the records of each frame at once."""
        while True:
            try:
                yield self._next_batch()
            except StopIteration:
                return

    def _next_batch(self) -> Batch:
        span = self._span
        while True:
            event = next(self._found)
            if isinstance(event, (Lost, CapsuleDamaged)):
                if max(event.first, span.first) < min(event.next, span.stop):
                    raise _error(event)
            elif event.header.offset >= span.stop or event.header.appended >= span.until:
                self._found = iter(())
            elif event.header.appended >= span.since:
                part = batch_of(event).part(span.first, span.stop)
                if part is not None:
                    return part


def _error(event: Lost | CapsuleDamaged) -> Gap | Trimmed:
    if isinstance(event, CapsuleDamaged):
        return event
    if event.why == TRIMMED:
        return Trimmed(event.topic, event.first, event.next)
    return Gap(event.topic, event.first, event.next)


def _nanoseconds(moment: datetime) -> int:
    """Return a time as ns since the Unix epoch."""
    return round(moment.timestamp() * SECOND_NS)
