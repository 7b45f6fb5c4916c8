"""What was read for clients, and their connections have not taken: how much that is, and how much may come on top.

An answer counts from when it is made until libzmq has handed the last of it to the kernel, which is known by its memory
being let go. So a client that does not read has what the kernel holds for it, and here its share of the room.

Half of the room is shared as what waits on control is: a client may have a part of what is left, so there is always as
much left for who comes next. Once that has become less than a slice, a client that has taken all it was sent is given a
small one, out of the other half, so that readers go on beside many that do not read. Decides, and touches no socket.
"""

from __future__ import annotations

from collections.abc import Callable

from mq.broker.produced import Client

SHARES = 8
SMALL_SLICE_BYTES = 16 << 10


class Lent(bytes):
    """An answer that tells when nobody holds it any more: not the broker, and not libzmq, which sends from it."""

    _let_go: Callable[[], None]

    def __new__(cls, message: bytes, let_go: Callable[[], None]) -> Lent:
        """Make one of an answer; `let_go` is called on any thread."""
        lent = super().__new__(cls, message)
        lent._let_go = let_go
        return lent

    def __del__(self) -> None:
        self._let_go()


class Unread:
    """Used by the thread that reads. `held` is what all clients together have not taken."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._own: dict[Client, int] = {}
        self.held = 0

    def room(self, client: Client, wanted: int) -> int:
        """Return how much may be read for a client now: what is wanted, a small slice, or 0 when it is to wait."""
        own = self._own.get(client, 0)
        share = (self._bytes_max // 2 - self.held) // SHARES
        if own + wanted <= share:
            return wanted
        small = min(wanted, SMALL_SLICE_BYTES)
        return small if own == 0 and self.held + small <= self._bytes_max else 0

    def lend(self, client: Client, size: int) -> None:
        """Note an answer that is on its way."""
        self._own[client] = self._own.get(client, 0) + size
        self.held += size

    def taken(self, client: Client, size: int) -> None:
        """Note that a client has taken so much, or is gone."""
        self.held -= size
        self._own[client] -= size
        if not self._own[client]:
            del self._own[client]
