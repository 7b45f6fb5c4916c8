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
from typing import Literal, NamedTuple

import zmq

from mq.client.endpoint import connect
from mq.client.identity import new_producer_id
from mq.client.link import read
from mq.errors import Closed, Disconnected, MqError, Refused, TimedOut
from mq.frame import Content, Wanted, pack, seal
from mq.protocol import Acks, Nack

BUFFER_BYTES_MAX = 32 << 20
BLOCK_S_MAX = 30.0
SEND_MESSAGES_MAX = 1_000
IN_FLIGHT_MAX = 10_000  # frames; should all be refused at once, the broker still keeps each one's answer
ANSWER_S_MAX = 30.0
_WAKE = "inproc://producer"
_LEVELS: dict[str, Wanted] = {"written": Wanted.WRITTEN, "durable": Wanted.DURABLE}
_NAMES = {int(wanted): name for name, wanted in _LEVELS.items()}

Key = tuple[str, int, int]


class Stored(NamedTuple):
    """Where a record is, and how safely: `written` survives the broker's death, `durable` a power cut."""

    offset: int
    level: str


class Ack:
    """The promise of an answer for what was sent at once."""

    __slots__ = ("_changed", "_outcome", "content", "due", "produced")

    def __init__(self, changed: Condition, content: Content, produced: int) -> None:
        self._changed = changed
        self._outcome: Stored | MqError | None = None
        self.content = content
        self.produced = produced
        self.due = float("inf")

    @property
    def done(self) -> bool:
        """Whether the answer is there."""
        return self._outcome is not None

    def result(self, timeout: float | None = None) -> Stored:
        """Wait for the answer: where the last of the records is. Raises the `MqError` that it is, or `TimedOut`."""
        with self._changed:
            self._changed.wait_for(lambda: self._outcome is not None, timeout)
        if self._outcome is None:
            raise TimedOut(f"acknowledgement for {self.content.name.decode()}", timeout or 0.0)
        if isinstance(self._outcome, MqError):
            raise self._outcome
        return self._outcome

    def settle(self, outcome: Stored | MqError) -> None:
        """Give the answer. The producer's thread calls it, and tells those who wait."""
        self._outcome = outcome


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
        if durability not in _LEVELS:
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
            self._sender = _Sender(self, self._context, broker, _LEVELS[durability])
        except MqError:
            self._context.term()
            raise
        self._wake = self._context.socket(zmq.PUSH)
        self._wake.linger = 0
        self._wake.connect(_WAKE)
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


_OVERHEAD = 256  # bytes of memory that a waiting record takes beside its body, roughly


class _Sender:
    """The socket's side of a producer."""

    def __init__(
        self, producer: Producer, context: zmq.Context[zmq.Socket[bytes]], broker: str, wanted: Wanted
    ) -> None:
        self._producer = producer
        self._context = context
        self._broker = broker
        self._wanted = wanted
        self._unsent: deque[Ack] = deque()
        self._begin_life()
        self._wake = context.socket(zmq.PULL)
        self._wake.bind(_WAKE)

    def run(self) -> None:
        """Send and receive until the producer closes. Whatever ends it, nobody is left waiting."""
        unknown: MqError = TimedOut("an acknowledgement, when the producer was closed", 0.0)
        try:
            closed = False
            while not closed:
                closed = self._turn()
        except Exception as error:  # noqa: BLE001 - whoever waits for an acknowledgement is told of it
            unknown = MqError(f"the producer's thread has died of {error!r}; whether this was stored is unknown")
            self._producer.fail(unknown)
        self._unsent += self._producer.take()[0]
        self._producer.settle([(ack, unknown) for ack in (*self._pending.values(), *self._unsent)])
        self._end_life()
        self._wake.close()

    def _turn(self) -> bool:
        """Wait for something to do, do it, and return whether to end."""
        ready = self._poll()
        if self._wake in ready:
            _drain(self._wake)
        if self._socket in ready:
            self._receive()
        if self._monitor in ready and _drain(self._monitor):
            self._receive()
            self._start_over("the connection ended")
        elif self._is_overdue():
            self._start_over(f"no answer within {ANSWER_S_MAX:g} s")
        taken, closed = self._producer.take()
        self._unsent += taken
        self._send()
        return closed

    def _begin_life(self) -> None:
        """Connect, as a producer that nobody has seen before."""
        self._id = new_producer_id()
        self._sequences: dict[str, int] = {}
        self._pending: dict[Key, Ack] = {}
        self._socket = connect(self._context, zmq.DEALER, self._broker, SEND_MESSAGES_MAX, immediate=True)
        self._monitor = self._socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)

    def _end_life(self) -> None:
        self._socket.disable_monitor()
        self._monitor.close()
        self._socket.close()

    def _start_over(self, why: str) -> None:
        """Give up what the broker did not answer, and send nothing of it again: it may be stored."""
        gone = list(self._pending.values())
        self._end_life()
        self._begin_life()
        self._producer.settle(
            [(ack, Disconnected(self._broker, f"a record for {ack.content.name.decode()}, {why}")) for ack in gone]
        )

    def _poll(self) -> dict[object, int]:
        poller = zmq.Poller()
        poller.register(self._wake, zmq.POLLIN)
        poller.register(self._monitor, zmq.POLLIN)
        may_send = self._unsent and len(self._pending) < IN_FLIGHT_MAX
        poller.register(self._socket, zmq.POLLIN | (zmq.POLLOUT if may_send else 0))
        return dict(poller.poll(1_000 if self._pending else None))

    def _is_overdue(self) -> bool:
        """Whether the oldest frame has waited too long: its answer may be lost, and would be waited for for ever."""
        oldest = next(iter(self._pending.values()), None)
        return oldest is not None and time.monotonic() > oldest.due

    def _send(self) -> None:
        due = time.monotonic() + ANSWER_S_MAX
        while self._unsent and len(self._pending) < IN_FLIGHT_MAX:
            ack = self._unsent[0]
            topic = ack.content.name.decode("ascii")
            sequence = self._sequences.get(topic, 0)
            frame = seal(ack.content, produced=ack.produced, producer=self._id, sequence=sequence, wanted=self._wanted)
            try:
                self._socket.send(frame, zmq.NOBLOCK)
            except zmq.Again:
                return
            self._unsent.popleft()
            self._sequences[topic] = sequence + ack.content.records
            self._pending[topic, self._id, sequence] = ack
            ack.due = due

    def _receive(self) -> None:
        outcomes: list[tuple[Ack, Stored | MqError]] = []
        for message in _drain(self._socket):
            reply = read(message)
            if isinstance(reply, Nack):
                ack = self._pending.pop((reply.topic or "", reply.producer, reply.sequence), None)
                if ack is not None:
                    outcomes.append((ack, Refused(reply.reason, reply.detail)))
            elif isinstance(reply, Acks):
                outcomes += self._acknowledged(reply)
        if outcomes:
            self._producer.settle(outcomes)

    def _acknowledged(self, acks: Acks) -> list[tuple[Ack, Stored | MqError]]:
        outcomes: list[tuple[Ack, Stored | MqError]] = []
        for row in acks.acks:
            try:
                topic, producer, sequence, offset, level = row
                ack = self._pending.get((topic, producer, sequence))
                if ack is not None:
                    outcomes.append((ack, Stored(offset + ack.content.records - 1, _NAMES[level])))
                    del self._pending[topic, producer, sequence]
            except (TypeError, ValueError, KeyError):  # whoever listens there is not trusted to make sense
                continue
        return outcomes


def _drain(socket: zmq.Socket[bytes]) -> list[bytes]:
    """Return all that has arrived; of messages of several parts, each part."""
    messages: list[bytes] = []
    try:
        while True:
            messages.append(socket.recv(zmq.NOBLOCK))
    except zmq.Again:
        return messages
