"""Asking a broker's control port, one question at a time. For one thread."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TypeVar

import zmq

from mq.client.endpoint import connect, context_of
from mq.errors import BadMessage, MqError, Refused, Rewound, TimedOut, Trimmed, Unreachable
from mq.protocol import Control, Delete, Deleted, Failure, HeadList, Hello, Welcome, decode, is_request

ASK_AGAIN_S = 2.0
BUSY_S = 0.1
TIMEOUT_S = 10.0

Reply = TypeVar("Reply", bound=Control)


class Link:
    """A connection to control. Questions are asked again while no answer comes: each may be, they change nothing."""

    def __init__(self, broker: str, timeout_s: float = TIMEOUT_S) -> None:
        self.broker = broker
        self.timeout_s = timeout_s
        self._context = context_of(self)
        self._number = 0
        try:
            self._socket = connect(self._context, zmq.DEALER, broker)
        except MqError:
            self._context.term()
            raise

    def __enter__(self) -> Link:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection."""
        self._socket.close()
        self._context.term()

    def number(self) -> int:
        """Return a number for the next question."""
        self._number += 1
        return self._number

    def send(self, request: Control) -> None:
        """Ask, and do not wait."""
        try:
            self._socket.send(request.encode(), zmq.NOBLOCK)
        except zmq.Again:
            raise Unreachable(self.broker, self.timeout_s) from None

    def receive(self, kind: type[Reply], number: int, timeout_s: float) -> Reply | None:
        """Return the next answer to question `number`, None when none comes in time, or the broker is too busy for one.

        Raises what the broker refuses: `Trimmed`, `Rewound`, `Refused`.
        """
        deadline = time.monotonic() + timeout_s
        while (left := deadline - time.monotonic()) > 0:
            if not self._wait(max(1, int(left * 1000))):
                continue
            reply = read(self._socket.recv())
            if reply is None or reply.id != number:
                continue
            if isinstance(reply, Failure):
                if reply.error == "busy":
                    time.sleep(min(BUSY_S, max(0.0, deadline - time.monotonic())))
                    return None
                raise refusal(reply)
            if isinstance(reply, kind):
                return reply
        return None

    def _wait(self, ms: int) -> bool:
        """Return whether something has arrived within so many ms. For who has others to look after meanwhile."""
        return bool(self._socket.poll(ms))

    def ask(self, request: Control, kind: type[Reply]) -> Reply:
        """Ask until there is an answer. Raises `Unreachable` after `timeout_s`, and what the broker refuses."""
        deadline = time.monotonic() + self.timeout_s
        while (left := deadline - time.monotonic()) > 0:
            self.send(request)
            reply = self.receive(kind, request.id, min(left, ASK_AGAIN_S))
            if reply is not None:
                return reply
        raise Unreachable(self.broker, self.timeout_s)

    def delete(self, topics: list[str]) -> list[str]:
        """Delete topics, and return those that there were. Raises `TimedOut` when no answer comes.

        Asked but once, unless the broker is too busy: the second time it could be new records that go.
        """
        deadline = time.monotonic() + self.timeout_s
        while (left := deadline - time.monotonic()) > 0:
            request = Delete(self.number(), topics)
            self.send(request)
            reply = self.receive(Deleted, request.id, left)
            if reply is not None:
                return [str(row[0]) for row in reply.topics if isinstance(row, list) and row]
        raise TimedOut(f"deleting {topics[0]} and what came with it", self.timeout_s)

    def hello(self) -> Welcome:
        """Return what the broker says of itself."""
        return self.ask(Hello(self.number()), Welcome)


def read(message: bytes) -> Control | None:
    """Return an answer, None for something that is none: whoever listens there is not trusted."""
    try:
        return decode(message) if message and is_request(message) else None
    except BadMessage:
        return None


def heads_of(reply: HeadList) -> list[tuple[str, int, int]]:
    """Return the rows that are rows: topic, end, epoch."""
    return [
        (row[0], row[1], row[2])
        for row in reply.heads
        if isinstance(row, list) and list(map(type, row)) == [str, int, int]
    ]


def refusal(failure: Failure) -> MqError:
    """Return the error that a failure stands for."""
    facts = failure.facts
    try:
        if failure.error == "trimmed":
            return Trimmed(str(facts["topic"]), int(facts["wanted"]), int(facts["first_kept"]))
        if failure.error == "rewound":
            return Rewound(str(facts["topic"]), int(facts["wanted"]), int(facts["end"]))
    except (KeyError, TypeError, ValueError):
        return Refused(failure.error, "the broker's answer makes no sense")
    return Refused(failure.error, failure.detail)
