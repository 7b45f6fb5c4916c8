"""Streams of records as they come: a subscriber each, on a thread of its own, and a queue that makes it wait.

A stream that its reader does not read holds some batches and no more. What the subscriber misses by that it fetches
when it goes on, so nothing is left out.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import NamedTuple

from mq.client.message import Batch
from mq.client.subscriber import Start, Subscriber
from mq.errors import Gap, MqError, Rewound, Trimmed
from mq.gateway.bodies import record_json
from mq.gateway.cursor import Cursor
from mq.gateway.limits import Limits
from mq.gateway.names import own_label
from mq.gateway.workers import Overloaded

BATCHES_AHEAD = 4
RECEIVE_HWM = 100
LOOK_S = 0.25
THREAD_S_MAX = 5.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class StreamEvent(NamedTuple):
    """One event: its kind, the id to resume behind it, and JSON of one line."""

    kind: str
    id: str
    data: str


class TooManyTopics(MqError):
    """A stream whose id would name more topics than it may."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"this stream is of more than stream_topics_max ({limit:,}) topics: name fewer by the pattern")


class Streams:
    """All streams of a gateway."""

    def __init__(self, broker: str, limits: Limits) -> None:
        self._broker, self._limits = broker, limits
        self._open: set[Stream] = set()

    @asynccontextmanager
    async def stream(self, pattern: str, cursor: Cursor, *, live: bool) -> AsyncIterator[Stream]:
        """Open a stream for as long as the block lasts. Raises `Overloaded`, `BadPattern`."""
        if len(self._open) >= self._limits.streams_max:
            raise Overloaded("there are too many streams", "streams_max", self._limits.streams_max)
        start: Start = "live" if live else _start(cursor)
        positions = dict(cursor.positions)
        subscriber = Subscriber(
            self._broker, pattern, start, name=own_label(), receive_hwm=RECEIVE_HWM, positions=positions
        )
        stream = Stream(subscriber, cursor, self._limits.stream_topics_max)
        self._open.add(stream)
        try:
            yield stream
        finally:
            self._open.discard(stream)
            stream.end()

    def close(self) -> None:
        """End all streams."""
        for stream in list(self._open):
            stream.end()


class Stream:
    """What one reader gets. Begins to receive when it is made."""

    def __init__(self, subscriber: Subscriber, cursor: Cursor, topics_max: int) -> None:
        self._subscriber, self._cursor, self._topics_max = subscriber, cursor, topics_max
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[list[StreamEvent] | None] = asyncio.Queue(BATCHES_AHEAD)
        self._ending = Event()
        self._thread = Thread(target=self._run, name="stream", daemon=True)
        self.id = cursor.encode()
        self.ended_badly = False
        self._thread.start()

    async def next(self, wait_s: float) -> list[StreamEvent] | None:
        """Return the next events, none after so long; None when the stream has ended."""
        try:
            async with asyncio.timeout(wait_s):
                return await self._queue.get()
        except TimeoutError:
            return []

    def end(self) -> None:
        """Let the thread end, which is waited for by nobody: it holds nothing that others wait for."""
        self._ending.set()

    def _run(self) -> None:
        try:
            self._receive()
        finally:
            self._put(None)

    def _receive(self) -> None:
        with self._subscriber as subscriber:
            while not self._ending.is_set():
                try:
                    batch = subscriber.receive_batch(LOOK_S)
                    events = [] if batch is None else self._events(batch, subscriber.epoch_of(batch))
                except (Gap, Trimmed, Rewound) as error:
                    events = [self._missing(error)]
                except MqError as error:
                    self.ended_badly = True
                    events = [StreamEvent("problem", "", _problem(error))]
                if not self._put(events) or self.ended_badly:
                    return

    def _put(self, events: list[StreamEvent] | None) -> bool:
        """Hand events over; wait while the reader is slow. False when there is no reader any more."""
        if events == []:
            return True
        with suppress(RuntimeError):  # the loop is closed
            done = asyncio.run_coroutine_threadsafe(self._queue.put(events), self._loop)
            while not self._ending.is_set():
                with suppress(TimeoutError):
                    done.result(LOOK_S)
                    return True
            done.cancel()
        return False

    def _events(self, batch: Batch, epoch: int) -> list[StreamEvent]:
        events = []
        for message in batch.messages():
            if message.offset is not None:
                self._cursor.move(message.topic, message.offset + 1, epoch)
            events.append(StreamEvent("message", self._cursor.encode(), record_json(message)))
        if len(self._cursor.positions) > self._topics_max:
            raise TooManyTopics(self._topics_max)
        return events

    def _missing(self, error: Gap | Trimmed | Rewound) -> StreamEvent:
        match error:
            case Gap():
                kind, first, following = "damaged", error.first, error.next
            case Trimmed():
                kind, first, following = "trimmed", error.wanted, error.first_kept
            case Rewound():
                kind, first, following = "rewound", error.wanted, error.end
        self._cursor.move(error.topic, following, 0)
        data = f'{{"topic":"{error.topic}","kind":"{kind}","first":{first},"next":{following}}}'
        return StreamEvent("missing", self._cursor.encode(), data)


def _start(cursor: Cursor) -> int | datetime:
    return _EPOCH + timedelta(microseconds=cursor.start // 1000) if cursor.by_time else cursor.start


def _problem(error: MqError) -> str:
    return json.dumps({"detail": str(error)})
