"""``async for`` over a subscriber: the same synchronous work, in turns that do not block, and waiting between them.

What is waited for is that libzmq's descriptors become readable. These tell of changes, so one waits only after a turn
in which nothing was there to be taken. No record is in hand while one waits: whoever is cancelled there loses none.
asyncio is looked up when it is needed, since a client that does not await shall not carry it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

import zmq

from mq.client.following import Following
from mq.client.message import Message

if TYPE_CHECKING:
    import asyncio

OTHERS_WAIT_S_MAX = 0.01
"""For how long records may be handed out one after another before other tasks get their turn."""


class Awaiting:
    """One task at a time awaits `next`."""

    def __init__(self, receive: Callable[[float], Message | None], following: Following) -> None:
        self._receive = receive
        self._following = following
        self._wait: Wait | None = None
        self._others_at = 0.0

    async def next(self) -> Message:
        """Return the next record. Raises what `receive` raises, and `StopAsyncIteration` once it is closed."""
        if self._wait is not None:
            raise RuntimeError("another task waits for this subscriber already: let one hand the records on")
        if time.monotonic() >= self._others_at:
            await self._let_others_run(0.0)
        while not self._following.talk.closed:
            message = self._receive(0)
            if message is not None:
                return message
            seconds = self._following.due - time.monotonic() if self._following.is_idle else 0.0
            await self._let_others_run(max(0.0, seconds))
        raise StopAsyncIteration

    def end(self) -> None:
        """Let go of the sockets, which are about to be closed, and let the task that waits go on."""
        if self._wait is not None:
            self._wait.end()

    async def _let_others_run(self, seconds: float) -> None:
        """Wait until something arrives, at most so long."""
        loop: asyncio.AbstractEventLoop = import_module("asyncio").get_running_loop()
        self._wait = Wait(loop, self._following.sockets(), seconds)
        try:
            await self._wait.woken
        finally:
            self._wait.end()
            self._wait = None
            self._others_at = time.monotonic() + OTHERS_WAIT_S_MAX


class Wait:
    """For the first of some sockets that has something, or for a time."""

    def __init__(self, loop: asyncio.AbstractEventLoop, sockets: list[zmq.Socket[bytes]], seconds: float) -> None:
        self.woken: asyncio.Future[None] = loop.create_future()
        self._loop = loop
        self._descriptors = [_descriptor(socket) for socket in sockets] if seconds > 0 else []
        for descriptor in self._descriptors:
            loop.add_reader(descriptor, self._wake)
        has_come = any(socket.poll(0) for socket in sockets)  # of that none would tell
        self._timer = loop.call_later(0.0 if has_come else seconds, self._wake)

    def end(self) -> None:
        """Wait no longer."""
        for descriptor in self._descriptors:
            self._loop.remove_reader(descriptor)
        self._descriptors.clear()
        self._timer.cancel()
        self._wake()

    def _wake(self) -> None:
        if not self.woken.done():
            self.woken.set_result(None)


def _descriptor(socket: zmq.Socket[bytes]) -> int:
    """Return what is readable when the socket has to be looked at."""
    return int(socket.getsockopt(zmq.FD))
