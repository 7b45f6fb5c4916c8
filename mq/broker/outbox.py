"""Answers that found no room in their client's queue: kept for a while, in order, within a bound.

A client that sent thousands of frames at once may be refused them all in one turn. Each refusal is an answer that it
waits for, and that nobody can ask for again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from mq.broker.intake import Client


class Outbox:
    """Keeps up to `limit` bytes, of all clients together."""

    def __init__(self, limit: int) -> None:
        self._room = limit
        self._waiting: dict[Client, deque[bytes]] = {}

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def holds(self, client: Client) -> bool:
        """Whether answers wait for this client: the next one then waits behind them."""
        return client in self._waiting

    def keep(self, client: Client, message: bytes) -> bool:
        """Keep an answer, if there is room for it."""
        if len(message) > self._room:
            return False
        self._room -= len(message)
        self._waiting.setdefault(client, deque()).append(message)
        return True

    def flush(self, send: Callable[[Client, bytes], bool]) -> None:
        """Send what can be sent: `send` says of each whether it is done with."""
        for client, messages in list(self._waiting.items()):
            while messages and send(client, messages[0]):
                self._room += len(messages.popleft())
            if not messages:
                del self._waiting[client]
