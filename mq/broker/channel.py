"""How a thread hands its results to the proxy: a bounded queue, and a wake-up over inproc."""

from __future__ import annotations

from collections import deque
from threading import Semaphore
from typing import Generic, TypeVar

import zmq

Item = TypeVar("Item")
Context = zmq.Context[zmq.Socket[bytes]]

ENDPOINT = "inproc://proxy"


def bind_wake(context: Context) -> zmq.Socket[bytes]:
    """Return the proxy's end of the wake-ups of all channels."""
    socket = context.socket(zmq.PULL)
    socket.bind(ENDPOINT)
    return socket


class Channel(Generic[Item]):
    """One thread puts, the proxy takes. A full channel makes the putting thread wait."""

    def __init__(self, context: Context, limit: int) -> None:
        self._items: deque[Item] = deque()
        self._room = Semaphore(limit)
        self._wake = context.socket(zmq.PUSH)
        self._wake.linger = 0
        self._wake.connect(ENDPOINT)

    def put(self, item: Item) -> None:
        """Hand over a result. Whoever puts into an empty channel wakes the proxy, which then takes all there is."""
        self._room.acquire()
        self._items.append(item)
        if len(self._items) == 1:
            self._wake.send(b"")

    def take(self) -> Item | None:
        """Return the next result, None when there is none."""
        if not self._items:
            return None
        item = self._items.popleft()
        self._room.release()
        return item

    def __len__(self) -> int:
        return len(self._items)

    def close(self) -> None:
        """Close the thread's end, once the thread has ended."""
        self._wake.close()
