"""How a thread hands its results to the proxy: a bounded queue, and a wake-up over inproc."""

from __future__ import annotations

from queue import Empty, Queue
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
        self._items: Queue[Item] = Queue(limit)
        self._wake = context.socket(zmq.PUSH)
        self._wake.linger = 0
        self._wake.connect(ENDPOINT)

    def put(self, item: Item) -> None:
        """Hand over a result. A wake-up that finds no room is not needed: others are on their way."""
        self._items.put(item)
        try:
            self._wake.send(b"", zmq.NOBLOCK)
        except zmq.Again:
            return

    def take(self) -> Item | None:
        """Return the next result, None when there is none."""
        try:
            return self._items.get_nowait()
        except Empty:
            return None

    def close(self) -> None:
        """Close the thread's end, once the thread has ended."""
        self._wake.close()
