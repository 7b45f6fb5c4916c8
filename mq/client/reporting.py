"""What a producer tells the broker of its records now and then: what only it knows. Touches no socket.

So whoever looks at the broker sees where records are that have not come, or never will.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from mq.client.lanes import Lane
from mq.protocol import Sampling

EVERY_S = 5.0
ROWS_MAX = 1_000
NUMBER = 2  # greetings are 1, and nothing else is asked on this connection

Row = list[str | int]


class Reporting:
    """`spooled` says how many records of a topic are on the disk only."""

    def __init__(self, spooled: Callable[[str], int]) -> None:
        self._spooled = spooled
        self._given_up: Counter[str] = Counter()
        self._told: dict[str, Row] = {}
        self.due = float("inf")

    def give_up(self, topic: str, records: int) -> None:
        """Count records that are not stored, or perhaps not."""
        self._given_up[topic] += records

    def changes(self, now: float) -> None:
        """Note that there may be something new to tell."""
        self.due = min(self.due, now + EVERY_S)

    def report(self, lanes: Iterable[Lane]) -> Sampling | None:
        """Return what is new, as much as one message takes; None when nothing is."""
        self.due = float("inf")
        rows: list[Row] = []
        for lane in lanes:
            topic = lane.topic
            row: Row = [topic, lane.producer, lane.handed_over, self._spooled(topic), self._given_up[topic]]
            if self._told.get(topic) != row and len(rows) < ROWS_MAX:
                rows.append(row)
                self._told[topic] = row
        return Sampling(NUMBER, rows) if rows else None

    def forget(self, topic: str) -> None:
        """Forget a topic whose lane is forgotten."""
        self._told.pop(topic, None)
        self._given_up.pop(topic, None)
