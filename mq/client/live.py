"""Hearing live frames: a SUB socket, its subscriptions, and how many frames may wait in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import zmq

from mq.client.endpoint import Context, connect
from mq.errors import FrameRefused
from mq.frame import Frame, parse
from mq.topic import Pattern

LIVE_BYTES_A_TURN = 1 << 20
LIVE_BYTES_WAITING = 64 << 20


class Live:
    """Silent until `hear` says where. For one thread."""

    def __init__(self, context: Context, patterns: Sequence[Pattern], window: int) -> None:
        self._context = context
        self._prefixes = {prefix for pattern in patterns for prefix in pattern.prefixes()}
        self._window = window
        self._source: tuple[str, int] | None = None
        self.socket: zmq.Socket[bytes] | None = None

    def hear(self, endpoint: str, epoch: int) -> None:
        """Hear the broker's life of this epoch, as before where that is the one heard already."""
        if (endpoint, epoch) != self._source:
            self._source = endpoint, epoch
            self.hear_anew()

    def hear_anew(self) -> None:
        """Subscribe on a new connection: what an old one still holds may be of a life whose end the journal lost."""
        if self._source is None:
            return
        self.close()
        self.socket = connect(self._context, zmq.SUB, self._source[0], self._window)
        for prefix in self._prefixes:
            self.socket.subscribe(prefix)

    def take(self, keep: Callable[[Frame], None]) -> None:
        """Hand on what has arrived, as much as a turn takes."""
        if self.socket is None:
            return
        room, largest = LIVE_BYTES_A_TURN, 1
        try:
            while room > 0:
                message = self.socket.recv(zmq.NOBLOCK)
                room -= len(message)
                largest = max(largest, len(message))
                keep(parse(message))
        except (zmq.Again, FrameRefused):
            pass
        self._narrow(LIVE_BYTES_WAITING // largest)

    def close(self) -> None:
        """Let go of the connection."""
        if self.socket is not None:
            self.socket.close()

    def _narrow(self, window: int) -> None:
        """Let fewer frames wait in libzmq, which counts them and not their bytes, where large ones come.

        A connection keeps the window that it was made with, so that takes a new one; what is lost by it is fetched.
        """
        if window < self._window // 2:
            self._window = max(1, window)
            self.hear_anew()
