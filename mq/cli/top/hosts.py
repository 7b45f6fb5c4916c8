"""Hosts by the samples that they publish on ``host/<node>/<metric>``. Decides, and reads no clock.

Which hosts there are is told by the list of topics. Samples are read of so many of them only, so that thousands do not
make thousands of reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

from mq.cli.top.topic_table import TopicRow
from mq.client.message import Message
from viewer.samples import METRICS, SECOND_NS, Malformed, parse

READ_MAX = 64
"""Of how many hosts samples are read: four topics of each are one question."""
QUIET_NS = 60 * SECOND_NS
"""A host that has said nothing for so long comes behind the others."""
SILENT_NS_MIN = 5 * SECOND_NS
INTERVALS_MISSED = 3
TOPIC_PARTS = 3
_DIGITS = re.compile(r"(\d+)")


class HostOrder(Enum):
    """What hosts are put in order by."""

    NAME = "name"
    CPU = "cpu"
    MEM = "mem"
    DISK = "disk"
    NET = "net"


class Reading(NamedTuple):
    """The last sample of a metric: `pause_ns` is how long after it the metric may be silent."""

    value: float
    appended: int
    pause_ns: int


class HostRow(NamedTuple):
    """One host. `stale_ns` is how long it has been silent, None while that means nothing."""

    name: str
    readings: dict[str, Reading]
    stale_ns: int | None


class Hosts:
    """All hosts by name, and the samples of those that were read."""

    def __init__(self) -> None:
        self._heard: dict[str, int] = {}
        self._topics: dict[str, list[str]] = {}
        self._order: list[str] = []
        self._readings: dict[str, dict[str, Reading]] = {}
        self._now = 0

    def __len__(self) -> int:
        return len(self._order)

    @property
    def read(self) -> int:
        """How many of them have been read."""
        return len(self._readings)

    def learn(self, topics: Iterable[TopicRow]) -> None:
        """Take all topics that there are."""
        self._heard, self._topics = {}, {}
        for row in topics:
            parts = row.topic.split("/")
            if len(parts) == TOPIC_PARTS and parts[0] == "host" and parts[2] in METRICS:
                self._heard[parts[1]] = max(self._heard.get(parts[1], 0), row.appended)
                self._topics.setdefault(parts[1], []).append(row.topic)
        newest = max(self._heard.values(), default=0)
        self._order = sorted(self._heard, key=lambda name: (newest - self._heard[name] > QUIET_NS, _natural(name)))

    def to_read(self) -> list[str]:
        """Return the topics whose last samples are to be read next."""
        return [topic for name in self._order[:READ_MAX] for topic in self._topics[name]]

    def take(self, messages: Iterable[Message], now: int) -> None:
        """Take the last records of these topics, as they are now by the broker's clock. Bodies are anybody's."""
        self._readings, self._now = {}, now
        for message in messages:
            _, name, metric = message.topic.split("/")
            readings = self._readings.setdefault(name, {})
            try:
                sample = parse(message.body, metric, message.time)
            except Malformed:
                continue
            pause = max(SILENT_NS_MIN, INTERVALS_MISSED * sample.interval)
            readings[metric] = Reading(sample.value, message.time, pause)

    def first(self, order: HostOrder, count: int) -> list[HostRow]:
        """Return so many hosts: by a value the greatest first, those without one last."""
        rows = [self._row(name) for name in self._order if name in self._readings]
        if order is not HostOrder.NAME:
            rows.sort(key=lambda row: -_value(row, order.value))
        return rows[:count]

    def _row(self, name: str) -> HostRow:
        readings = self._readings[name]
        if not readings:
            return HostRow(name, readings, None)
        silent = [self._now - each.appended for each in readings.values()]
        lively = any(self._now - each.appended <= each.pause_ns for each in readings.values())
        return HostRow(name, readings, None if lively else min(silent))


def _value(row: HostRow, metric: str) -> float:
    return row.readings[metric].value if metric in row.readings else -1.0


def _natural(name: str) -> list[tuple[int, str]]:
    """Return what sorts node2 before node10."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in _DIGITS.split(name)]
