"""Where consumers are kept: the journal's own topic `_mq/consumers`, a log of events with a snapshot now and then.

When the events since the last snapshot have become more than it, a new segment is begun with a snapshot, and once that
is durable what stands before it is deleted. Nothing is ever rewritten.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator

import msgpack

from mq.broker.consumers import Consumers, Event, replayed
from mq.errors import AppendFailed, JournalError, Trimmed
from mq.frame import Checked, own, pack, split
from mq.journal.interface import Journal

TOPIC = "_mq/consumers"
EVENTS_BYTES_LEAST = 4 << 20
READ_BYTES = 1 << 20
FRAME_BYTES = 256 << 10

_log = logging.getLogger(__name__)


class ConsumerLog:
    """Used by the thread that appends, and before it begins."""

    def __init__(self, journal: Journal, clock: Callable[[], int] = time.time_ns) -> None:
        self._journal = journal
        self._clock = clock
        self._events_bytes = self._snapshot_bytes = 0
        self._readable = True
        self._trim_before: int | None = None

    def load(self) -> Consumers:
        """Return the consumers that the log tells of. What of it is damaged is passed over."""
        return replayed(self._events())

    def append(self, events: Iterable[Event]) -> None:
        """Append events. Raises `AppendFailed`."""
        frames = list(_frames(events, self._clock()))
        self._events_bytes += self._append(frames)[0]

    def tidy(self, consumers: Consumers) -> None:
        """Delete what a durable snapshot has made needless, or write one when it is due. To be called after a sync."""
        if self._trim_before is not None:
            before, self._trim_before = self._trim_before, None
            self._trim(before)
        elif self._readable and self._events_bytes > max(EVENTS_BYTES_LEAST, self._snapshot_bytes):
            self._write_snapshot(consumers)

    def _write_snapshot(self, consumers: Consumers) -> None:
        kept = list(consumers.snapshot())
        events = [{"do": "begin"}, *kept, {"do": "end", "events": len(kept)}]
        try:
            self._journal.roll(TOPIC)
            size, first = self._append(list(_frames(events, self._clock())))
        except AppendFailed as error:
            self._events_bytes = 0  # so it is not tried at each call, but when as much has come again
            _log.warning("%s: no snapshot for now: %s", TOPIC, error)
            return
        self._snapshot_bytes, self._events_bytes, self._trim_before = size, 0, first

    def _trim(self, before: int) -> None:
        try:
            self._journal.trim(TOPIC, before)
        except (OSError, JournalError) as error:
            _log.warning("%s: what is not needed any more stays there for now: %s", TOPIC, error)

    def _append(self, frames: list[Checked]) -> tuple[int, int]:
        """Return how many bytes they take, and the first offset."""
        (run,) = self._journal.append(frames)
        if run.error is not None:
            raise run.error
        return run.size, run.offset

    def _events(self) -> Iterator[Event]:
        try:
            for record in self._records():
                self._events_bytes += len(record)
                event = msgpack.unpackb(record)
                if event["do"] == "end":
                    self._snapshot_bytes, self._events_bytes = self._events_bytes, 0
                yield event
        except OSError as error:
            self._readable = False
            _log.critical("%s cannot be read on, consumers may go back: %s: %s", TOPIC, error.filename, error.strerror)

    def _records(self) -> Iterator[bytes]:
        offset, end = self._first(), None
        while end is None or offset < end:
            found = self._journal.read(TOPIC, offset, None, READ_BYTES)
            if found.lost is not None:
                _log.error("%s is damaged from offset %d to %d: consumers may go back", TOPIC, offset, found.lost)
            for frame in split(found.frames):
                yield from frame.records()
            offset, end = found.next, found.end

    def _first(self) -> int:
        try:
            self._journal.read(TOPIC, 0, None, 1)
        except Trimmed as error:
            return error.first_kept
        return 0


def _frames(events: Iterable[Event], now: int) -> Iterator[Checked]:
    """Yield frames with the events in them, several in each."""
    records: list[bytes] = []
    size = 0
    for event in events:
        record: bytes = msgpack.packb(event)
        if records and size + len(record) > FRAME_BYTES:
            yield own_frame(TOPIC, records, now)
            records, size = [], 0
        records.append(record)
        size += len(record)
    yield own_frame(TOPIC, records, now)


def own_frame(topic: str, records: list[bytes], now: int) -> Checked:
    """Return a frame of the broker's own, where producers may not write. Raises `TooLarge`."""
    return own(pack(topic, records), produced=now)
