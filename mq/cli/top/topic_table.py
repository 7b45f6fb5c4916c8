"""Topics as the broker lists them, and how fast each grows between two of its answers. Decides, and reads no clock."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from heapq import nsmallest
from typing import Any, NamedTuple

TOPICS_MAX = 100_000
"""How many topics are kept; as many as a broker has by default."""
ROW = [str, *[int] * 5]
OWN = "_mq/"
FIRST_S, WINDOW_S = 0.9, 3.0
"""A rate is measured over so many seconds at least: the first one sooner, so that there soon is one."""


class Order(Enum):
    """What topics are put in order by."""

    RECORDS = "records/s"
    BYTES = "bytes/s"
    SIZE = "size"
    NAME = "name"


class Mark(NamedTuple):
    """What a topic was at the moment from which its rates are measured."""

    moment: float
    first: int
    next: int
    size: int


class TopicRow(NamedTuple):
    """One topic. A rate is None where there is nothing to compare with, or what is kept was trimmed meanwhile."""

    topic: str
    first: int
    next: int
    size: int
    appended: int
    mark: Mark
    records_s: float | None = None
    bytes_s: float | None = None

    @property
    def kept(self) -> int:
        """How many records are kept."""
        return self.next - self.first


class TopicTable:
    """Takes rows as they come. A sweep lists all topics: what it does not name is no more."""

    def __init__(self, limit: int = TOPICS_MAX) -> None:
        self._limit = limit
        self._rows: dict[str, TopicRow] = {}
        self._swept: set[str] = set()

    def __len__(self) -> int:
        return len(self._rows)

    def get(self, topic: str) -> TopicRow | None:
        """Return a topic's row."""
        return self._rows.get(topic)

    def begin_sweep(self) -> None:
        """Expect all topics, one page after another."""
        self._swept = set()

    def end_sweep(self) -> None:
        """Forget the topics that were not named."""
        self._rows = {topic: row for topic, row in self._rows.items() if topic in self._swept}

    def take(self, rows: Iterable[Any], moment: float) -> None:
        """Take the rows of one answer; what is none is passed over: whoever answers is not trusted."""
        for row in rows:
            if not isinstance(row, list) or list(map(type, row)) != ROW:
                continue
            topic, first, following, size, _, appended = row
            before = self._rows.get(topic)
            if before is None and len(self._rows) >= self._limit:
                continue
            self._swept.add(topic)
            mark = Mark(moment, first, following, size)
            self._rows[topic] = _compared(before, TopicRow(topic, first, following, size, appended, mark))

    def size(self) -> int:
        """Return how many bytes all of them keep."""
        return sum(row.size for row in self._rows.values())

    def listed(self) -> list[TopicRow]:
        """Return all but the broker's own."""
        return [row for row in self._rows.values() if not row.topic.startswith(OWN)]

    def first(self, order: Order, count: int) -> list[TopicRow]:
        """Return so many topics, the busiest or largest first; those that are equal by name."""
        return nsmallest(count, self.listed(), key=_KEYS[order])


_KEYS = {
    Order.RECORDS: lambda row: (-(row.records_s or 0.0), row.topic),
    Order.BYTES: lambda row: (-(row.bytes_s or 0.0), row.topic),
    Order.SIZE: lambda row: (-row.size, row.topic),
    Order.NAME: lambda row: (0, row.topic),
}


def _compared(before: TopicRow | None, now: TopicRow) -> TopicRow:
    """Return a row with its rates. A topic that ends before where it ended has lost its end: there is no rate."""
    if before is None or now.next < before.next:
        return now
    mark = before.mark
    seconds = now.mark.moment - mark.moment
    if seconds < (FIRST_S if before.records_s is None else WINDOW_S):
        return now._replace(mark=mark, records_s=before.records_s, bytes_s=before.bytes_s)
    grown = now.first == mark.first and now.size >= mark.size
    bytes_s = (now.size - mark.size) / seconds if grown else None
    return now._replace(records_s=(now.next - mark.next) / seconds, bytes_s=bytes_s)
