"""Hearing topics: their history from a point on, then live, every offset once and in order.

For one thread, which does all the work inside `receive`: it owns both sockets, and while it is elsewhere nothing is
read, so memory stays bounded whatever the backlog.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from types import TracebackType
from typing import Literal

import zmq

from mq.client.consumer import Hold
from mq.client.conversation import Conversation
from mq.client.cursor import NO_END
from mq.client.following import HEADS_EVERY_S, Following
from mq.client.live import Live
from mq.client.message import Batch, Message
from mq.client.replay import nanoseconds
from mq.client.tracker import Tracker
from mq.errors import MqError, TimedOut
from mq.protocol import PATTERNS_MAX
from mq.topic import Pattern

RECEIVE_HWM = 1_000
COMMIT_S_MAX = 10.0
LEAVE_S_MAX = 1.0

Start = int | datetime | timedelta | Literal["live"]


class Subscriber:
    """Iterate over it, or call `receive`. Waits for a broker that is away, and goes on when it is back.

    `start` is an offset, a time of appending, a time back from now, or "live". What cannot be delivered is raised:
    `Gap` (damaged offsets), `Trimmed`, `Rewound`; the next call goes on behind it.

    With `consumer`, a name, it resumes in each topic where `commit` was last called under that name, and elsewhere at
    `start`, which is 0 then unless it is said. One subscriber holds a name at a time: another one's `receive` raises
    `Refused` (`held`), and goes on once the first has closed, or has not been called for ten seconds.
    """

    def __init__(
        self,
        broker: str,
        patterns: str | Sequence[str],
        start: Start | None = None,
        *,
        consumer: str | None = None,
        receive_hwm: int = RECEIVE_HWM,
    ) -> None:
        texts = [patterns] if isinstance(patterns, str) else list(patterns)
        if start is None:
            start = "live" if consumer is None else 0
        _check(texts, start, receive_hwm)
        chosen = [Pattern.parse(text) for text in texts]
        moment = nanoseconds(start) if isinstance(start, (datetime, timedelta)) else None
        self._tracker = Tracker(chosen, start if isinstance(start, int) else "live", moment)
        self._hold = Hold(consumer, texts) if consumer is not None else None
        self._messages: Iterator[Message] = iter(())
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        try:
            talk = Conversation(self._context, broker)
        except MqError:
            self._context.term()
            raise
        live = Live(self._context, chosen, receive_hwm)
        self._following = Following(broker, texts, talk, live, self._tracker, self._hold)

    @property
    def connected(self) -> bool:
        """Whether the broker has answered within the last seconds, as far as `receive` was called."""
        return self._following.talk.connected

    @property
    def clock_ahead_ns(self) -> int:
        """What the broker's clock is ahead of this machine's, to the ms that an answer takes; 0 until it is known."""
        return self._following.clock_ahead_ns

    @property
    def repaired(self) -> int:
        """How many times something that was missed live had to be fetched."""
        return self._tracker.repaired

    def receive(self, timeout: float | None = None) -> Message | None:
        """Return the next record, None when none comes within `timeout` seconds."""
        message = next(self._messages, None)
        if message is None:
            batch = self._next_batch(timeout)
            if batch is None:
                return None
            self._messages = batch.messages()
            message = next(self._messages)
        if self._hold is not None:
            self._hold.handed_out(message)
        return message

    def receive_batch(self, timeout: float | None = None) -> Batch | None:
        """Return the next records that came in one frame, None when none come within `timeout` seconds."""
        batch = self._next_batch(timeout)
        if batch is not None and self._hold is not None:
            self._hold.handed_out(batch)
        return batch

    def commit(self, timeout: float = COMMIT_S_MAX) -> None:
        """Let this consumer resume behind what was received last, of each topic. Returns once the journal has it.

        Raises `TimedOut`, and `Refused`: `fenced` when another one holds the name by now. Nothing else commits.
        """
        if self._hold is None:
            raise ValueError("there is nothing to commit without a name: Subscriber(..., consumer=NAME)")
        deadline = time.monotonic() + timeout
        for page in self._hold.commits():
            number = self._following.talk.number()
            if not self._following.have_done(self._hold.commit(number, page), deadline):
                raise TimedOut(f"committing {self._hold.name}", timeout)
            self._hold.committed(page)

    def _next_batch(self, timeout: float | None) -> Batch | None:
        deadline = float("inf") if timeout is None else time.monotonic() + timeout
        while not self._tracker.ready:
            self._following.turn(max(0.0, min(HEADS_EVERY_S, deadline - time.monotonic())))
            if time.monotonic() >= deadline and not self._tracker.ready:
                return None
        found = self._tracker.ready.popleft()
        if self._hold is not None:
            self._note(self._hold, found)
        if isinstance(found, MqError):
            raise found
        return found

    def _note(self, hold: Hold, found: Batch | MqError) -> None:
        if isinstance(found, MqError):
            hold.raised(found)
        elif found.offset is not None:
            hold.took(found, self._tracker.epoch_before(found.topic, found.offset + len(found.records)))

    def __iter__(self) -> Iterator[Message]:
        return self

    def __next__(self) -> Message:
        while True:
            message = self.receive()
            if message is not None:
                return message

    def close(self) -> None:
        """Let go of the connections, and of the name."""
        following = self._following
        if self._hold is not None and following.greeted and not following.talk.closed:
            with suppress(MqError):
                following.have_done(self._hold.leave(following.talk.number()), time.monotonic() + LEAVE_S_MAX)
        following.close()
        self._context.term()

    def __enter__(self) -> Subscriber:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _check(patterns: Sequence[str], start: object, receive_hwm: int) -> None:
    """Refuse what could only be refused by the broker later, or would mean something else to libzmq."""
    if not 0 < len(patterns) <= PATTERNS_MAX:
        raise ValueError(f"there are 1 to {PATTERNS_MAX} patterns, not {len(patterns)}")
    if receive_hwm < 1:
        raise ValueError(f"receive_hwm is at least 1, not {receive_hwm}: libzmq would take that for no limit")
    if not (
        start == "live" or isinstance(start, (datetime, timedelta)) or (type(start) is int and 0 <= start < NO_END)
    ):
        raise ValueError(f"start is an offset, a time, a time back from now or 'live', not {start!r}")
