"""Samples as the page needs them, read from bodies that anybody may have sent. Everything here is pure.

Times are nanoseconds since the Unix epoch, as in the sample itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgpack

SECOND_NS = 1_000_000_000
METRICS = ("cpu", "mem", "disk", "net")
BODY_BYTES_MAX = 32 << 10
EMPTY = b"\x80"
INTERVAL_S_MAX = 86_400
EARLIEST_NS = 1_577_836_800 * SECOND_NS
"""The year 2020: a clock that says less has not been set."""
LATEST_NS = 2**62
"""The year 2116: what is more does not come from a clock."""
AHEAD_NS_MAX = 24 * 3600 * SECOND_NS
"""How far a node's clock may be ahead of the broker's before its samples are not believed."""
VALUE_MAX = {"cpu": 100.0, "mem": 100.0, "disk": 100.0, "net": 1e15}


class Malformed(ValueError):
    """A body that is not a sample. `kind` is one of a fixed few, for counting and for the page."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        super().__init__(kind)


@dataclass(frozen=True, slots=True)
class Sample:
    """One reading: per cent, or bytes a second for net. `body` is all of it as it came: packed, it takes least room.

    `collector` is who says that it made it, empty where nobody does; `interval` how many ns after it the next is due, 0
    where that is not said.
    """

    time: int
    value: float
    collector: str = ""
    interval: int = 0
    body: bytes = EMPTY

    @property
    def detail(self) -> Mapping[Any, Any]:
        """The whole map, unchecked."""
        fields: Mapping[Any, Any] = msgpack.unpackb(self.body)
        return fields


def parse(body: bytes, metric: str, appended: int) -> Sample:
    """Read a body that the broker appended at `appended`, or raise `Malformed`."""
    if len(body) > BODY_BYTES_MAX:
        raise Malformed("too large")
    try:
        fields: Any = msgpack.unpackb(body)
    except (ValueError, TypeError, OverflowError):
        raise Malformed("not msgpack") from None
    if not isinstance(fields, dict):
        raise Malformed("not a map")
    time: Any = fields.get("time")
    value: Any = fields.get("value")
    collector = fields.get("collector")
    interval: Any = fields.get("interval")
    if type(time) is not int or not EARLIEST_NS <= time <= min(appended + AHEAD_NS_MAX, LATEST_NS):
        raise Malformed("impossible time")
    if not is_number(value) or not 0 <= value <= VALUE_MAX[metric]:
        raise Malformed("impossible value")
    name = collector if isinstance(collector, str) else ""
    step = int(interval * SECOND_NS) if is_number(interval) and 0 < interval <= INTERVAL_S_MAX else 0
    return Sample(time, float(value), name, step, body)


def is_number(it: Any) -> bool:
    """Whether it is a number that can be drawn."""
    return type(it) in (int, float) and math.isfinite(it)
