"""Nodes for the viewer's tests: bodies, and nodes that have reported."""

from __future__ import annotations

from typing import Any

import msgpack

from viewer.nodes import Node
from viewer.samples import SECOND_NS, Sample

NOW = 1_800_000_000 * SECOND_NS


def body(second: int = 0, value: float = 50.0, **detail: Any) -> bytes:
    """Return a sample of so many seconds ago."""
    packed: bytes = msgpack.packb({"time": NOW - second * SECOND_NS, "value": value, **detail})
    return packed


def report(
    node: Node,
    seconds: range,
    metric: str = "cpu",
    *,
    lead: int = 0,
    late: int = 0,
    collector: str = "",
    value: float = 5.0,
) -> Node:
    """Let a node report, once a `range` step; its clock is `lead` seconds ahead, its samples arrive `late`."""
    for second in seconds:
        moment = NOW + second * SECOND_NS
        sample = Sample(moment + lead * SECOND_NS, value, collector)
        node.take(metric, sample, moment + late * SECOND_NS)
    return node
