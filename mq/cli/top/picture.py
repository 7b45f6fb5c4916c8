"""All that is known of a broker at the moment, as it was answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mq.cli.top.hosts import Hosts
from mq.cli.top.lagging import ConsumerRow
from mq.cli.top.losses import Loss
from mq.cli.top.meter import Meter
from mq.cli.top.topic_table import TopicTable


@dataclass(slots=True)
class Known:
    """What is known of one life of the broker, which its epoch names.

    `own` is the broker's last record of its own figures, empty where it writes none.
    """

    epoch: int = -1
    version: str = ""
    stats: Mapping[str, Any] = field(default_factory=dict)
    own: Mapping[str, Any] = field(default_factory=dict)
    meter: Meter = field(default_factory=Meter)
    topics: TopicTable = field(default_factory=TopicTable)
    swept_s: float | None = None
    hosts: Hosts = field(default_factory=Hosts)
    consumers: Sequence[ConsumerRow] = ()
    subscribers: Sequence[Mapping[str, Any]] = ()
    producers: Sequence[Loss] = ()


class Picture:
    """What is known, and since when an answer is waited for. Moments are of a clock that nobody sets."""

    def __init__(self, broker: str) -> None:
        self.broker = broker
        self.known = Known()
        self.refused: dict[str, str] = {}
        self._asked_at: float | None = None

    def asks(self, now: float) -> None:
        """Note that something is asked."""
        if self._asked_at is None:
            self._asked_at = now

    def hears(self) -> None:
        """Note that it was answered."""
        self._asked_at = None

    def silent_s(self, now: float) -> float:
        """Return for how long an answer has been waited for."""
        return 0.0 if self._asked_at is None else now - self._asked_at

    def meets(self, epoch: int) -> None:
        """Begin anew where this is another life of the broker: what was counted before says nothing of it."""
        if epoch != self.known.epoch:
            self.known = Known(epoch)
