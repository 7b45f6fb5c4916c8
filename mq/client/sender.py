"""The socket's side of a producer: sends what was handed over, and gives each its answer."""

from __future__ import annotations

import time
from collections import deque
from typing import Protocol

import zmq

from mq.client.ack import Ack, Stored
from mq.client.endpoint import connect
from mq.client.identity import new_producer_id
from mq.client.link import read
from mq.errors import Disconnected, MqError, Refused, TimedOut
from mq.frame import Wanted, seal
from mq.protocol import Acks, Nack

SEND_MESSAGES_MAX = 1_000
IN_FLIGHT_MAX = 10_000  # frames; should all be refused at once, the broker still keeps each one's answer
ANSWER_S_MAX = 30.0
WAKE = "inproc://producer"
LEVELS: dict[str, Wanted] = {"written": Wanted.WRITTEN, "durable": Wanted.DURABLE}
LEVEL_NAMES = {int(wanted): name for name, wanted in LEVELS.items()}

Key = tuple[str, int, int]


class Buffer(Protocol):
    """Where what is to be sent comes from, and its answers go."""

    def take(self) -> tuple[list[Ack], bool]:
        """Return what was handed over since, and whether to end."""

    def settle(self, outcomes: list[tuple[Ack, Stored | MqError]]) -> None:
        """Give answers."""

    def fail(self, error: MqError) -> None:
        """Take nothing more, because of `error`."""


class Sender:
    """Owns the socket, and belongs to the producer's thread but for its making."""

    def __init__(self, buffer: Buffer, context: zmq.Context[zmq.Socket[bytes]], broker: str, wanted: Wanted) -> None:
        self._buffer = buffer
        self._context = context
        self._broker = broker
        self._wanted = wanted
        self._unsent: deque[Ack] = deque()
        self._begin_life()
        self._wake = context.socket(zmq.PULL)
        self._wake.bind(WAKE)

    def run(self) -> None:
        """Send and receive until the producer closes. Whatever ends it, nobody is left waiting."""
        unknown: MqError = TimedOut("an acknowledgement, when the producer was closed", 0.0)
        try:
            closed = False
            while not closed:
                closed = self._turn()
        except Exception as error:  # noqa: BLE001 - whoever waits for an acknowledgement is told of it
            unknown = MqError(f"the producer's thread has died of {error!r}; whether this was stored is unknown")
            self._buffer.fail(unknown)
        self._unsent += self._buffer.take()[0]
        self._buffer.settle([(ack, unknown) for ack in (*self._pending.values(), *self._unsent)])
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
        taken, closed = self._buffer.take()
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
        self._buffer.settle(
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
            self._buffer.settle(outcomes)

    def _acknowledged(self, acks: Acks) -> list[tuple[Ack, Stored | MqError]]:
        outcomes: list[tuple[Ack, Stored | MqError]] = []
        for row in acks.acks:
            try:
                topic, producer, sequence, offset, level = row
                ack = self._pending.get((topic, producer, sequence))
                if ack is not None:
                    outcomes.append((ack, Stored(offset + ack.content.records - 1, LEVEL_NAMES[level])))
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
