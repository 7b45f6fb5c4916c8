"""How far behind consumers are: their positions, held against the topics as they were listed. Decides only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from mq.cli.top.topic_table import TopicTable

AGES_MAX = 8
"""In how many topics of a consumer the age of what waits is looked at: those where most does."""


class Behind(NamedTuple):
    """A topic in which something waits for a consumer, from `offset` on."""

    lag: int
    topic: str
    offset: int


class ConsumerRow(NamedTuple):
    """One consumer. `lag_s` is the age of the oldest record that waits, as far as that was looked at."""

    name: str
    members: int
    lag: int
    lag_s: float | None
    open: int
    topics: int


def behind(positions: Iterable[tuple[str, int, int]], table: TopicTable) -> list[Behind]:
    """Return where something waits for a consumer, most first. Of a topic that is not listed nothing is known."""
    found = []
    for topic, position, _ in positions:
        row = table.get(topic)
        waits_from = max(position, row.first) if row is not None else position
        if row is not None and row.next > waits_from:
            found.append(Behind(row.next - waits_from, topic, waits_from))
    return sorted(found, key=lambda each: (-each.lag, each.topic))


def furthest_first(rows: Iterable[ConsumerRow]) -> list[ConsumerRow]:
    """Return consumers, the furthest behind first."""
    return sorted(rows, key=lambda row: (-row.lag, row.name))
