"""How fast each client may produce: what it sends is owed, and what is owed grows less with time. Decides only.

A frame passes where nothing is owed, whatever its size: so a large one is never kept out for ever. What a client did
not use of the last second it may use at once. A new connection has nothing saved up, so nobody gains by coming anew.
"""

from __future__ import annotations

from collections import OrderedDict

from mq.broker.produced import Client

CLIENTS_MAX = 10_000
SAVED_S = 1.0


class Debts:
    """One kind of limit, in units a second: by client, until when what it has sent is paid for."""

    def __init__(self, limit_s: int) -> None:
        self._limit_s = limit_s
        self._paid_at: OrderedDict[Client, float] = OrderedDict()

    def owes(self, client: Client, now: float) -> bool:
        """Whether a client has to wait."""
        return self._paid_at.get(client, now) > now

    def add(self, client: Client, units: int, now: float) -> None:
        """Note what a client sends; of too many clients the one that was longest silent is forgotten."""
        paid_at = max(self._paid_at.pop(client, now), now - SAVED_S)
        self._paid_at[client] = paid_at + units / self._limit_s
        if len(self._paid_at) > CLIENTS_MAX:
            self._paid_at.popitem(last=False)


class Rates:
    """The limits that are set; 0 is none."""

    def __init__(self, records_s_max: int, bytes_s_max: int) -> None:
        self._records = Debts(records_s_max) if records_s_max else None
        self._bytes = Debts(bytes_s_max) if bytes_s_max else None
        self.limited = records_s_max > 0 or bytes_s_max > 0
        self._names = ("producer_records_s_max", records_s_max), ("producer_bytes_s_max", bytes_s_max)

    def exceeded(self, client: Client, records: int, size: int, now: float) -> str | None:
        """Return which limit keeps a frame out, None where it passes."""
        kinds = (self._records, records), (self._bytes, size)
        for (debts, _), (name, limit) in zip(kinds, self._names, strict=True):
            if debts is not None and debts.owes(client, now):
                return f"you send faster than {name}, {limit:,}"
        for debts, units in kinds:
            if debts is not None:
                debts.add(client, units, now)
        return None
