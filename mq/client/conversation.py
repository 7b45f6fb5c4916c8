"""Asking a broker many things at once: what was asked, which answer belongs to it, and when one is overdue.

An answer that is overdue means that the connection is dead: it is made anew, and nothing that was asked before will be
answered.
"""

from __future__ import annotations

import time
from typing import NamedTuple

import zmq

from mq.client.endpoint import Context, connect
from mq.client.link import read
from mq.protocol import Control

ANSWER_S_MAX = 3.0


class Asked(NamedTuple):
    """A question, and when its answer is overdue."""

    request: Control
    due: float


class Conversation:
    """For one thread. Its making raises `BadEndpoint`."""

    def __init__(self, context: Context, broker: str) -> None:
        self._context = context
        self._broker = broker
        self._number = 0
        self._heard = float("-inf")
        self._dial()

    @property
    def connected(self) -> bool:
        """Whether the broker has answered within the last seconds, as far as anybody looked."""
        return time.monotonic() - self._heard < ANSWER_S_MAX

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self.socket.closed

    @property
    def first_due(self) -> float:
        """When the first answer is overdue."""
        return min((asked.due for asked in self._asked.values()), default=float("inf"))

    def number(self) -> int:
        """Return a number for the next question."""
        self._number += 1
        return self._number

    def ask(self, request: Control) -> None:
        """Ask, and do not wait."""
        self.socket.send(request.encode(), zmq.NOBLOCK)
        self.expect(request)

    def expect(self, request: Control) -> None:
        """Wait for an answer to this, as if it were asked now: another one is to follow."""
        self._asked[request.id] = Asked(request, time.monotonic() + ANSWER_S_MAX)

    def put_back(self, asked: Asked) -> None:
        """Take what came for no answer: the question is overdue when it was to be before."""
        self._asked[asked.request.id] = asked

    def has_asked(self, number: int) -> bool:
        """Whether an answer to this question is waited for."""
        return number in self._asked

    def forget(self, number: int) -> None:
        """Wait for no answer any more."""
        self._asked.pop(number, None)

    def hear(self) -> tuple[Asked, Control] | None:
        """Return the answer that has arrived with its question, None for one that makes no sense or comes too late."""
        reply = read(self.socket.recv())
        asked = self._asked.pop(reply.id, None) if reply is not None else None
        if reply is None or asked is None:
            return None
        self._heard = time.monotonic()
        return asked, reply

    def is_lost(self, now: float) -> bool:
        """Whether the connection has ended, or an answer is overdue. One that lies there is not, however late."""
        return (now >= self.first_due and not self.socket.poll(0)) or bool(self.monitor.poll(0))

    def begin_anew(self) -> None:
        """Connect again. Nothing that was asked before will be answered."""
        self.close()
        self._dial()

    def close(self) -> None:
        """Let go of the connection."""
        if not self.socket.closed:
            self.socket.disable_monitor()
        self.monitor.close()
        self.socket.close()

    def _dial(self) -> None:
        self.socket = connect(self._context, zmq.DEALER, self._broker)
        self.monitor = self.socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        self._asked: dict[int, Asked] = {}
