"""The payload contract: what a collector publishes on ``host/<node>/<metric>``, one msgpack map a sample.

``time`` (ns since the Unix epoch, the host's clock), ``node``, ``metric``, ``value`` (a number), ``unit``, and detail
by metric. For cpu: ``value`` in per cent of all cores, ``per_core`` the same of each, ``load`` the averages over 1, 5
and 15 minutes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgpack

from mq.topic import encode_topic

Detail = float | list[float]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader saw: the number that a card shows, and the detail that a plot wants."""

    value: float
    unit: str
    detail: dict[str, Detail] = field(default_factory=dict)


def encode(reading: Reading, *, time: int, node: str, metric: str) -> bytes:
    """Return a sample's bytes."""
    sample = {"time": time, "node": node, "metric": metric, "value": reading.value, "unit": reading.unit}
    packed: bytes = msgpack.packb({**sample, **reading.detail}, use_bin_type=True)
    return packed


def topic_of(node: str, metric: str) -> str:
    """Return where a sample goes. Raises `BadTopic` for a node's name that is no segment of a topic."""
    topic = f"host/{node}/{metric}"
    encode_topic(topic)
    return topic
