"""The acknowledged producer.

Callers hand records over and get an `Ack` to wait for; one thread of its own owns the socket. What was pending when
the broker went away fails with `Disconnected`, since nobody knows whether it was stored, and the producer goes on under
a new id: its memory of sequences ends with what it gave up.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from threading import Condition, Thread
from types import TracebackType
from typing import Literal

import zmq

from mq.client.ack import Ack, Stored
from mq.client.sender import LEVELS, WAKE, Sender
from mq.errors import Closed, MqError, TimedOut
from mq.frame import Content, pack

BUFFER_BYTES_MAX = 32 << 20
BLOCK_S_MAX = 30.0
_OVERHEAD = 256  # bytes of memory that a waiting record takes beside its body, roughly


class Producer:
    """Sends to a broker's control port, any number of threads at once. A full buffer makes `send` wait."""

    def __init__(
        self,
        broker: str,
        durability: Literal["written", "durable"] = "durable",
        *,
        buffer_bytes_max: int = BUFFER_BYTES_MAX,
        block_s_max: float = BLOCK_S_MAX,
    ) -> None:
        if durability not in LEVELS:
            raise ValueError(f"durability is 'written' or 'durable', not {durability!r}")
        self._block_s_max = block_s_max
        self._buffer_bytes_max = buffer_bytes_max
        self._changed = Condition()
        self._waiting: deque[Ack] = deque()
        self._buffered = 0
        self._closed = False
        self._why_closed = "this producer is closed"
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        try:
            self._sender = Sender(self, self._context, broker, LEVELS[durability])
        except MqError:
            self._context.term()
            raise
        self._wake = self._context.socket(zmq.PUSH)
        self._wake.linger = 0
        self._wake.connect(WAKE)
        self._thread = Thread(target=self._sender.run, name="mq-producer", daemon=True)
        self._thread.start()

    def send(self, topic: str, body: bytes) -> Ack:
        """Send one record. Raises `BadTopic`, `TooLarge`, and `TimedOut` when the buffer stays full."""
        return self._hand_over(pack(topic, [body], batch=False))

    def send_many(self, topic: str, bodies: Sequence[bytes]) -> Ack:
        """Send records in one frame, all stored or none. Raises as `send`."""
        return self._hand_over(pack(topic, bodies, batch=True))

    def flush(self, timeout: float | None = None) -> None:
        """Wait until everything sent has its answer, good or bad. Raises `TimedOut`."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._buffered == 0, timeout):
                raise TimedOut("flush", timeout or 0.0)

    def close(self, timeout: float = BLOCK_S_MAX) -> None:
        """Flush, then let go; raise `TimedOut` when the outcome of something stays unknown."""
        try:
            self.flush(timeout)
        finally:
            with self._changed:
                if not self._closed:
                    self._closed = True
                    self._notify()
            self._thread.join()
            with self._changed:  # of several threads that close, one lets go
                self._wake.close()
                self._context.term()

    def __enter__(self) -> Producer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
            return
        try:
            self.close(0)
        except TimedOut as unknown:
            error.add_note(str(unknown))

    def _hand_over(self, content: Content) -> Ack:
        ack = Ack(self._changed, content, time.time_ns())
        size = len(content.body)
        with self._changed:
            has_room = self._changed.wait_for(lambda: self._closed or self._fits(size), self._block_s_max)
            if self._closed:
                raise Closed(self._why_closed)
            if not has_room:
                raise TimedOut(f"send: {self._buffered} bytes wait for the broker already", self._block_s_max)
            self._buffered += size + _OVERHEAD
            self._waiting.append(ack)
            if len(self._waiting) == 1:
                self._notify()
        return ack

    def _fits(self, size: int) -> bool:
        return self._buffered == 0 or self._buffered + size <= self._buffer_bytes_max

    def _notify(self) -> None:
        """Wake the thread; the lock makes this socket one thread's at a time."""
        try:
            self._wake.send(b"", zmq.NOBLOCK)
        except zmq.Again:
            return

    # What the sender calls, on its own thread.

    def take(self) -> tuple[list[Ack], bool]:
        """Return what was handed over since, and whether to end."""
        with self._changed:
            taken = list(self._waiting)
            self._waiting.clear()
            return taken, self._closed

    def fail(self, error: MqError) -> None:
        """Take nothing more: the thread ends, because of `error`."""
        with self._changed:
            self._closed = True
            self._why_closed = f"this producer has ended by an error: {error}"

    def settle(self, outcomes: list[tuple[Ack, Stored | MqError]]) -> None:
        """Give answers, and their room back."""
        with self._changed:
            for ack, outcome in outcomes:
                ack.settle(outcome)
                self._buffered -= len(ack.content.body) + _OVERHEAD
            self._changed.notify_all()
