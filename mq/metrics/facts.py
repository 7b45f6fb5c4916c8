"""What is known of a broker at one moment, as its own threads see it or as control tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple


class Topic(NamedTuple):
    """What the journal holds of a topic. `appended` is the last append's time in ns, 0 when there was none."""

    topic: str
    first: int
    next: int
    bytes: int
    segments: int
    appended: int


class Standing(NamedTuple):
    """Where a consumer stands: its positions by topic, how many take part, how many records it has not settled."""

    consumer: str
    members: int
    unsettled: int
    positions: Sequence[tuple[str, int]]


class Sample(NamedTuple):
    """The last record of ``host/<node>/<metric>``, and when it came, in seconds since the Unix epoch."""

    node: str
    metric: str
    came: float
    body: bytes


@dataclass(frozen=True, slots=True)
class Facts:
    """All of it. `stats` is the map that a broker answers to ``stats``; `now` is the time, as for a sample."""

    version: str
    now: float
    stats: Mapping[str, Any]
    topics: Sequence[Topic] = ()
    consumers: Sequence[Standing] = ()
    samples: Sequence[Sample] = ()
