"""What producers say of their own records, of which the broker sees only those that it was sent.

Whoever connects may say anything, so a report is shown beside what was counted, and hurts as few rows as can be told
apart without knowing who is who: a row is its connection's over which the producer's last acknowledged frame came, or,
where none has, the one's that spoke of it first. A connection has so many rows at most, and nobody's are kept for ever.
"""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from mq.broker.senders import Client, Senders
from mq.errors import BadMessage
from mq.protocol import COUNT_MAX
from mq.topic import encode_topic

REPORTS_MAX = 100_000
CLIENT_REPORTS_MAX = 10_000  # topics of which one of our producers keeps the sequence
KEPT_S = 86_400.0
KEPT_UNPROVEN_S = 600.0  # of whom no frame has come over the connection that speaks
EXPIRE_EVERY_S = 10.0
ROWS_MAX = 1_000
_ROW = [str, int, int, int, int]
_U64 = 2**64

Key = tuple[bytes, int]


class Reported(NamedTuple):
    """One producer's records for one topic: handed over to it, waiting on its disk, given up by it."""

    sampled: int = 0
    spooled: int = 0
    dropped: int = 0


class _Entry(NamedTuple):
    reported: Reported
    client: Client
    heard: float


class Reports:
    """The last word on each. Of too many those longest unchanged go, but none for a row that nobody vouches for.

    `spooled` and `dropped` are the sums of what all of them say.
    """

    def __init__(self, senders: Senders | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._senders = senders if senders is not None else Senders()
        self._clock = clock
        self._entries: OrderedDict[Key, _Entry] = OrderedDict()
        self._by_client: Counter[Client] = Counter()
        self._next_expiry = 0.0
        self.spooled = self.dropped = 0

    def take(self, client: Client, rows: Sequence[Any]) -> None:
        """Take a report in, but rows that are others'. Raises `BadMessage`, `BadTopic`; then nothing of it is kept."""
        if not 0 < len(rows) <= ROWS_MAX:
            raise BadMessage(f"sampling: there are 1 to {ROWS_MAX} rows, not {len(rows)}")
        checked = [_checked(row) for row in rows]
        now = self._clock()
        if now >= self._next_expiry:
            self._expire(now)
        for key, reported in checked:
            if self._may_say(client, key):
                self._put(key, _Entry(reported, client, now))

    def all(self) -> dict[Key, Reported]:
        """Return all, by topic and producer. For any thread."""
        return {key: entry.reported for key, entry in self._entries.copy().items()}

    def gauges(self) -> dict[str, Callable[[], int]]:
        """Return what tells the sums, none above what travels as a number: who says nonsense breaks no message."""
        return {
            "producer_spooled_records": lambda: min(self.spooled, _U64 - 1),
            "producer_dropped_records": lambda: min(self.dropped, _U64 - 1),
        }

    def _may_say(self, client: Client, key: Key) -> bool:
        """Whether a row is this client's, or may become it."""
        sender, entry = self._senders.of(key[1]), self._entries.get(key)
        if sender is not None and sender != client:
            return False
        if entry is not None and (entry.client == client or sender is None):
            return entry.client == client
        has_room = sender == client or len(self._entries) < REPORTS_MAX
        return has_room and self._by_client[client] < CLIENT_REPORTS_MAX

    def _put(self, key: Key, entry: _Entry) -> None:
        if key in self._entries:
            self._drop(key)
        elif len(self._entries) >= REPORTS_MAX:
            self._drop(next(iter(self._entries)))
        self._entries[key] = entry
        self._by_client[entry.client] += 1
        self.spooled += entry.reported.spooled
        self.dropped += entry.reported.dropped

    def _drop(self, key: Key) -> None:
        reported, client, _ = self._entries.pop(key)
        self.spooled -= reported.spooled
        self.dropped -= reported.dropped
        self._by_client[client] -= 1
        if not self._by_client[client]:
            del self._by_client[client]

    def _expire(self, now: float) -> None:
        self._next_expiry = now + EXPIRE_EVERY_S
        for key, entry in list(self._entries.items()):
            is_proven = self._senders.of(key[1]) == entry.client
            if now - entry.heard >= (KEPT_S if is_proven else KEPT_UNPROVEN_S):
                self._drop(key)


def _checked(row: Any) -> tuple[Key, Reported]:
    if type(row) is not list or list(map(type, row)) != _ROW or not 0 <= row[1] < _U64:
        raise BadMessage("sampling: a row is topic, producer, and records sampled, spooled and dropped")
    if not all(0 <= it <= COUNT_MAX for it in row[2:]):
        raise BadMessage(f"sampling: records are counted up to {COUNT_MAX:,}")
    return (encode_topic(row[0]), row[1]), Reported(*row[2:])
