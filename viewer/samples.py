"""Samples as the page needs them: read from bodies that anybody may have sent, and kept in the order of their own time.

Everything here is pure. Times are nanoseconds since the Unix epoch, as in the sample itself.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any

import msgpack

SECOND_NS = 1_000_000_000
SPAN_NS = 15 * 60 * SECOND_NS
"""What a plot shows, back from now."""
SAMPLES_MAX = 2_000
"""Kept for one topic: the span at one sample a second, and as many again as slack."""
BODY_BYTES_MAX = 64 << 10
EARLIEST_NS = 1_577_836_800 * SECOND_NS
"""The year 2020: a clock that says less has not been set."""
AHEAD_NS_MAX = 60 * SECOND_NS
"""How far a node's clock may be ahead of ours before its samples are not believed."""
SILENT_NS_MIN = 5 * SECOND_NS
CADENCE_SAMPLES = 30


class Malformed(ValueError):
    """A body that is not a sample. `kind` is one of a fixed few, for counting and for the page."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        super().__init__(kind)


@dataclass(frozen=True, slots=True)
class Sample:
    """One reading of a node's CPU, in per cent. What is beside the value is 0 or empty when the body lacks it."""

    time: int
    value: float
    cores: int = 0
    load: tuple[float, ...] = ()


def parse(body: bytes, now: int) -> Sample:
    """Read a body, or raise `Malformed`."""
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
    if type(time) is not int or not EARLIEST_NS <= time <= now + AHEAD_NS_MAX:
        raise Malformed("impossible time")
    if not _is_number(value) or not 0 <= value <= 100:  # noqa: PLR2004 - per cent
        raise Malformed("impossible value")
    return Sample(time, float(value), _cores(fields.get("per_core")), _load(fields.get("load")))


def _is_number(it: Any) -> bool:
    return type(it) in (int, float) and math.isfinite(it)


def _cores(it: Any) -> int:
    return len(it) if isinstance(it, list) else 0


def _load(it: Any) -> tuple[float, ...]:
    return tuple(map(float, it[:3])) if isinstance(it, list) and all(map(_is_number, it)) else ()


class Window:
    """The samples of one topic in the order of their own time, however they arrive; when full, the oldest goes."""

    def __init__(self, limit: int = SAMPLES_MAX) -> None:
        self._limit = limit
        self._samples: list[Sample] = []

    def add(self, sample: Sample) -> None:
        """Put a sample in its place. One with the same time is the same sample, told again."""
        at = bisect_left(self._samples, sample.time, key=_time)
        told_again = at < len(self._samples) and self._samples[at].time == sample.time
        self._samples[at : at + told_again] = [sample]
        del self._samples[: max(0, len(self._samples) - self._limit)]

    def all(self) -> tuple[Sample, ...]:
        """Return everything that is kept, oldest first."""
        return tuple(self._samples)


def since(samples: Sequence[Sample], start: int) -> Sequence[Sample]:
    """Return the samples from `start` on."""
    return samples[bisect_left(samples, start, key=_time) :]


def silence_ns(samples: Sequence[Sample]) -> int:
    """How long these samples may pause before it means something: three times what is usual between them."""
    recent = samples[-CADENCE_SAMPLES:]
    steps = [after.time - before.time for before, after in pairwise(recent)]
    return max(SILENT_NS_MIN, int(3 * median(steps))) if steps else SILENT_NS_MIN


def _time(sample: Sample) -> int:
    return sample.time
