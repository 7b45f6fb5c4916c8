"""The fire-and-forget producer: at most once, no answer, no waiting."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType

import zmq

from mq.client.endpoint import connect, context_of
from mq.client.identity import new_producer_id
from mq.errors import Closed, MqError
from mq.frame import Content, Wanted, pack, seal

QUEUE_MESSAGES_MAX = 1_000
CLOSE_LINGER_MS = 1_000


class Push:
    """Sends to a broker's ingest port. For one thread.

    While the broker is away or slow, up to `queue_max` frames wait; what comes on top is dropped and counted in
    `dropped`. Sequence numbers count what was dropped too, so the broker can tell. With `immediate` no frame waits for
    a broker that is away; then ask `ready` first, and keep what is to wait.
    """

    def __init__(self, ingest: str, queue_max: int = QUEUE_MESSAGES_MAX, *, immediate: bool = False) -> None:
        if queue_max < 1:
            raise ValueError(f"queue_max is at least 1, not {queue_max}: libzmq would take that for no limit")
        self.producer = new_producer_id()
        self.dropped = 0
        self._queue_max = queue_max
        self._immediate = immediate
        self._sequences: dict[str, int] = {}
        self._context = context_of(self)
        try:
            self._socket = self._connect(ingest)
        except MqError:
            self._context.term()
            raise

    def ready(self, wait_s: float = 0.0) -> bool:
        """Return whether a frame would be taken, now or within `wait_s` seconds."""
        self._refuse_if_closed()
        return bool(self._socket.poll(int(max(0.0, wait_s) * 1000), zmq.POLLOUT))

    def skip(self, topic: str, records: int = 1) -> None:
        """Count records that are given up without having come here: as dropped, and in the sequence."""
        self._sequences[topic] = self._sequences.get(topic, 0) + records
        self.dropped += records

    def move_to(self, ingest: str) -> None:
        """Send to another port from now on, as the same producer. What waits for the old one is lost, not `dropped`.

        Raises `BadEndpoint`, and stays where it is.
        """
        self._refuse_if_closed()
        moved = self._connect(ingest)
        self._socket.close(linger=0)
        self._socket = moved

    def send(self, topic: str, body: bytes, *, produced: int | None = None) -> bool:
        """Send one record, `produced` (ns) now unless said; return False when it was dropped.

        Raises `BadTopic`, `TooLarge`.
        """
        return self._send(pack(topic, [body], batch=False), topic, produced)

    def send_many(self, topic: str, bodies: Sequence[bytes], *, produced: int | None = None) -> bool:
        """Send records in one frame; else as `send`."""
        return self._send(pack(topic, bodies, batch=True), topic, produced)

    def _send(self, content: Content, topic: str, produced: int | None) -> bool:
        self._refuse_if_closed()
        sequence = self._sequences.get(topic, 0)
        self._sequences[topic] = sequence + content.records
        moment = time.time_ns() if produced is None else produced
        frame = seal(content, produced=moment, producer=self.producer, sequence=sequence, wanted=Wanted.NONE)
        try:
            self._socket.send(frame, zmq.NOBLOCK)
        except zmq.Again:
            self.dropped += content.records
            return False
        return True

    def _connect(self, ingest: str) -> zmq.Socket[bytes]:
        return connect(self._context, zmq.PUSH, ingest, self._queue_max, immediate=self._immediate)

    def _refuse_if_closed(self) -> None:
        if self._socket.closed:
            raise Closed("this push is closed")

    def close(self) -> None:
        """Give what is on its way a second to leave."""
        self._socket.close(CLOSE_LINGER_MS)
        self._context.term()

    def __enter__(self) -> Push:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
