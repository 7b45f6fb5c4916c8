"""Over which connection each producer's last acknowledged frame came: whose word on its records counts."""

from __future__ import annotations

from collections import OrderedDict

Client = bytes
SENDERS_MAX = 100_000


class Senders:
    """Noted by the thread that appends; any may ask. Of too many the ones longest silent are forgotten."""

    def __init__(self) -> None:
        self._clients: OrderedDict[int, Client] = OrderedDict()

    def note(self, producer: int, client: Client) -> None:
        """Note that a frame of a producer has come over this connection, and is stored."""
        self._clients[producer] = client
        self._clients.move_to_end(producer)
        if len(self._clients) > SENDERS_MAX:
            self._clients.popitem(last=False)

    def of(self, producer: int) -> Client | None:
        """Return the connection, None where none of its frames has come over one."""
        return self._clients.get(producer)
