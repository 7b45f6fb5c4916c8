"""Reading what the journal holds of one topic, from a point on to its end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import TracebackType

from mq.client.link import ASK_AGAIN_S, TIMEOUT_S, Link
from mq.client.message import Batch, Message, batch_of
from mq.errors import FrameRefused, Gap, Rewound, Trimmed, Unreachable
from mq.frame import Frame, split
from mq.protocol import Fetch, Frames, OffsetAt, OffsetFound
from mq.topic import encode_topic

Point = int | datetime | timedelta
MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST_NS = 2**64 - 1
EPOCH_YEAR = 1970


def replay(
    broker: str, topic: str, start: Point = 0, stop: Point | None = None, *, timeout_s: float = TIMEOUT_S
) -> Replay:
    """Return the records of `topic` from `start` on, up to `stop` or the topic's end when the first of them came.

    A point is an offset, a time of appending, or a time back from now. Iterating raises `Gap` where offsets are
    damaged (iterate again to go on behind it), `Trimmed`, `Rewound`, and `Unreachable` when the broker stays away for
    `timeout_s`; a shorter absence is waited out.
    """
    return Replay(broker, topic, start, stop, timeout_s)


class Replay:
    """An iterator of `Message`; `batches` gives whole frames, for speed. Closes its connection at its end."""

    def __init__(self, broker: str, topic: str, start: Point, stop: Point | None, timeout_s: float) -> None:
        encode_topic(topic)
        self._topic = topic
        self._start, self._stop_at = start, stop
        self._link = Link(broker, timeout_s)
        self._next = self._from = self._asked_from = 0
        self._epoch: int | None = None
        self._stop: int | None = None
        self._limit: int | None = None
        self._begun = False
        self._asked: int | None = None
        self._ready: Iterator[Frame] = iter(())
        self._messages: Iterator[Message] = iter(())

    def __iter__(self) -> Replay:
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

    def frames(self) -> Iterator[Frame]:
        """Yield each frame whole: the first and the last may hold records that were not asked for."""
        while True:
            try:
                yield self._next_frame()[0]
            except StopIteration:
                return

    def close(self) -> None:
        """Let go of the connection; iterating ends."""
        self._stop = self._next
        self._ready, self._messages = iter(()), iter(())
        self._link.close()

    def __enter__(self) -> Replay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _next_batch(self) -> Batch:
        while True:
            frame, first = self._next_frame()
            part = batch_of(frame).part(first, self._stop or 0)
            if part is not None:
                return part

    def _next_frame(self) -> tuple[Frame, int]:
        """Return a frame, and the first offset in it that has not been had."""
        while True:
            try:
                frame = next(self._ready, None)
            except FrameRefused:  # damaged on its way: the next call asks for it again
                self._next, self._epoch, self._asked = self._from, None, None
                raise
            if frame is None:
                self._load()
                continue
            first, self._from = self._from, frame.header.next_offset
            if self._stop is not None and frame.header.offset < self._stop:
                return frame, first

    def _load(self) -> None:
        """Take in the next slice; raise `StopIteration` at the end, and what the slice has to say before its frames."""
        if self._stop is not None and self._next >= self._stop:
            self.close()
            raise StopIteration
        if not self._begun:
            self._begin()
        try:
            reply = self._slice()
        except Trimmed as error:
            self._go_to(error.first_kept)
            raise
        except Rewound as error:
            self._go_to(error.end)
            raise
        self._from, self._next, self._epoch = self._next, reply.next, reply.epoch
        if self._stop is None:
            self._stop = reply.end if self._limit is None else min(reply.end, self._limit)
        if not reply.more:
            self._asked = None
            if self._next < self._stop:
                self._fetch()
        self._ready = split(reply.frames)
        if reply.lost is not None and self._from < self._stop:
            raise Gap(self._topic, self._from, reply.lost)

    def _begin(self) -> None:
        self._next = self._from = self._offset(self._start)
        self._limit = self._offset(self._stop_at) if self._stop_at is not None else None
        self._begun = True

    def _offset(self, point: Point) -> int:
        if isinstance(point, int):
            return point
        moment = nanoseconds(point)
        return self._link.ask(OffsetAt(self._link.number(), self._topic, moment), OffsetFound).offset

    def _go_to(self, offset: int) -> None:
        self._next, self._epoch, self._asked, self._stop = offset, None, None, None

    def _fetch(self) -> None:
        self._asked, self._asked_from = self._link.number(), self._next
        self._link.send(Fetch(self._asked, self._topic, self._next, self._epoch))

    def _slice(self) -> Frames:
        deadline = time.monotonic() + self._link.timeout_s
        while (left := deadline - time.monotonic()) > 0:
            if self._asked is None:
                self._fetch()
            reply = self._link.receive(Frames, self._asked or 0, min(left, ASK_AGAIN_S))
            if reply is not None and self._goes_on(reply):
                return reply
            self._asked = None
        raise Unreachable(self._link.broker, self._link.timeout_s)

    def _goes_on(self, reply: Frames) -> bool:
        """Whether a slice goes on where the one before it ended: if not, one between them was dropped on its way.

        Then also what it calls lost may be more than that, and is asked for again from where we are.
        """
        if reply.lost is not None:
            return self._next == self._asked_from
        first = next(split(reply.frames), None)
        return (reply.next if first is None else first.header.offset) <= self._next


def nanoseconds(point: datetime | timedelta) -> int:
    """Return a time, or a time back from now, as ns since the Unix epoch, or the nearest that there is."""
    try:
        if isinstance(point, timedelta):
            moment = time.time_ns() - point // MICROSECOND * 1_000
        else:
            moment = (point.astimezone(UTC) - EPOCH) // MICROSECOND * 1_000  # a float would be off by some hundred ns
    except (ValueError, OverflowError):  # of a time zone, at one of the two ends of the calendar
        moment = 0 if isinstance(point, datetime) and point.year < EPOCH_YEAR else LATEST_NS
    return min(max(0, moment), LATEST_NS)
