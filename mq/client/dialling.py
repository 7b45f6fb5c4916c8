"""The producer's connection to a broker: opened, greeted, lost, and opened again after a growing, random while."""

from __future__ import annotations

import random

import zmq

from mq.client.endpoint import RECONNECT_MS, RECONNECT_MS_MAX, Context, connect
from mq.client.link import BUSY_S, read
from mq.protocol import Control, Failure, Hello, Welcome

SEND_MESSAGES_MAX = 1_000
GREETING_S_MAX = 10.0
NEVER = float("inf")


class Dialling:
    """Belongs to one thread but for its making, which raises `BadEndpoint`.

    Each connection is a socket of its own: no answer to what was sent on one can arrive on another. Frames may go once
    the broker has said what it takes: `frame_bytes_max` is 0 until then.
    """

    def __init__(self, context: Context, broker: str) -> None:
        self._context = context
        self._broker = broker
        self._losses = 0
        self._is_full = False
        self._opens_at = self._greets_at = self._greeted_by = NEVER
        self.frame_bytes_max = 0
        self._socket: zmq.Socket[bytes] | None = None
        self._open()

    @property
    def due(self) -> float:
        """When there is something to do that no event tells of."""
        return min(self._opens_at, self._greeted_by, NEVER if self._is_full else self._greets_at)

    def register(self, poller: zmq.Poller) -> None:
        """Say what to wait for."""
        if self._socket is not None:
            poller.register(self._socket, zmq.POLLIN | (zmq.POLLOUT if self._is_full else 0))
            poller.register(self._monitor, zmq.POLLIN)

    def tend(self, now: float) -> None:
        """Open what is due to be opened; greet whom one is connected to; find out anew whether there is room."""
        self._is_full = False
        if self._socket is None and now >= self._opens_at:
            self._open()
        if self._greets_at <= now and self._socket is not None and self.send(Hello(1).encode()):
            self._greets_at, self._greeted_by = NEVER, now + GREETING_S_MAX

    def send(self, message: bytes) -> bool:
        """Send, if the connection stands and has room."""
        if self._socket is None:
            return False
        try:
            self._socket.send(message, zmq.NOBLOCK)
        except zmq.Again:
            self._is_full = True
            return False
        return True

    def receive(self, now: float) -> list[Control]:
        """Return the answers that have arrived, but for those to the greeting."""
        answers: list[Control] = []
        for message in drain(self._socket) if self._socket is not None else ():
            answer = read(message)
            if isinstance(answer, Welcome):
                self.frame_bytes_max = answer.frame_bytes_max
                self._greeted_by = NEVER
            elif isinstance(answer, Failure):  # too busy to greet
                self._greets_at = now + BUSY_S
            elif answer is not None:
                answers.append(answer)
        return answers

    def is_lost(self, now: float) -> bool:
        """Whether the connection has ended, or nobody greets back."""
        return self._socket is not None and (bool(drain(self._monitor)) or now >= self._greeted_by)

    def works(self) -> None:
        """Note that the broker takes frames: the next loss is the first again."""
        self._losses = 0

    def drop(self, now: float) -> None:
        """Close the connection, and leave the broker alone for a while: longer each time."""
        self.close()
        longest = min(RECONNECT_MS * 2**self._losses, RECONNECT_MS_MAX) / 1000
        self._losses = min(self._losses + 1, 16)
        self._opens_at = now + longest * (0.5 + random.random() / 2)  # noqa: S311 - to spread, not to hide
        self._greets_at = self._greeted_by = NEVER
        self.frame_bytes_max = 0

    def close(self) -> None:
        """Let go of the socket."""
        if self._socket is not None:
            self._socket.disable_monitor()
            self._monitor.close()
            self._socket.close()
            self._socket = None

    def _open(self) -> None:
        socket = connect(self._context, zmq.DEALER, self._broker, SEND_MESSAGES_MAX, immediate=True)
        self._monitor = socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        self._socket = socket
        self._is_full = False
        self._opens_at, self._greets_at = NEVER, 0.0


def drain(socket: zmq.Socket[bytes]) -> list[bytes]:
    """Return all that has arrived; of messages of several parts, each part."""
    messages: list[bytes] = []
    try:
        while True:
            messages.append(socket.recv(zmq.NOBLOCK))
    except zmq.Again:
        return messages
