"""Answers that found no room in their client's queue: kept for a while, in order, within a bound.

A client that sent thousands of frames at once may be refused them all in one turn. Each refusal is an answer that it
waits for, and that nobody can ask for again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from mq.broker.produced import Client


@dataclass(slots=True)
class _Waiting:
    """What waits for one client."""

    room: int
    messages: deque[bytes] = field(default_factory=deque)


class Outbox:
    """Keeps up to `client_bytes_max` for each client, and `bytes_max` for all together."""

    def __init__(self, bytes_max: int, client_bytes_max: int) -> None:
        self._bytes_max = self._room = bytes_max
        self._client_bytes_max = client_bytes_max
        self._waiting: dict[Client, _Waiting] = {}

    def __bool__(self) -> bool:
        return bool(self._waiting)

    @property
    def size(self) -> int:
        """How many bytes wait."""
        return self._bytes_max - self._room

    def holds(self, client: Client) -> bool:
        """Whether answers wait for this client: the next one then waits behind them."""
        return client in self._waiting

    def keep(self, client: Client, message: bytes) -> bool:
        """Keep an answer, if there is room for it."""
        waiting = self._waiting.get(client) or _Waiting(self._client_bytes_max)
        if len(message) > min(self._room, waiting.room):
            return False
        self._room -= len(message)
        waiting.room -= len(message)
        waiting.messages.append(message)
        self._waiting[client] = waiting
        return True

    def flush(self, send: Callable[[Client, bytes], bool]) -> None:
        """Send what can be sent: `send` says of each whether it is done with."""
        for client, waiting in list(self._waiting.items()):
            messages = waiting.messages
            while messages and send(client, messages[0]):
                size = len(messages.popleft())
                self._room += size
                waiting.room += size
            if not messages:
                del self._waiting[client]
