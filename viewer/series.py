"""The values of one metric of one node over the last minutes, in the order of their own time."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from viewer.samples import SECOND_NS

SPAN_NS = 15 * 60 * SECOND_NS
"""What a plot shows, back from now."""
POINTS_MAX = 10_000
"""Kept of one metric: the span at ten samples a second, the most that a collector takes, and some slack."""
SILENT_NS_MIN = 5 * SECOND_NS
CADENCE_POINTS = 30


@dataclass(frozen=True, slots=True)
class Scope:
    """What plots show: the span up to an end, so many points of each metric, and which pauses in them mean nothing.

    Where that end stands `still`, what a clock that is off has put beside the span is shown too: it comes no later.
    """

    span_ns: int = SPAN_NS
    points_max: int = POINTS_MAX
    pause_ns_min: int = SILENT_NS_MIN
    still: bool = False


LIVE = Scope()


class Points(NamedTuple):
    """Times in ns and values, as long as each other."""

    times: NDArray[np.int64]
    values: NDArray[np.float64]


NO_POINTS = Points(np.array([], dtype=np.int64), np.array([], dtype=np.float64))


class Run(NamedTuple):
    """When samples began to come as they do now, and whether a pause was seen before it: else it is older than this."""

    start: int
    after_pause: bool


class Series:
    """Grows at any place, since samples may arrive late; when it is full, the oldest goes.

    `version` grows with every change, so that whoever draws it can tell.
    """

    def __init__(self, limit: int = POINTS_MAX, pause_ns_min: int = SILENT_NS_MIN) -> None:
        self.version = 0
        self._limit, self._pause_ns_min = limit, pause_ns_min
        self._times = array("q")
        self._values = array("d")

    def add(self, time: int, value: float) -> None:
        """Put a value in its place. One with the same time is the same sample, told again."""
        self.version += 1
        at = bisect_left(self._times, time)
        if at < len(self._times) and self._times[at] == time:
            self._values[at] = value
            return
        self._times.insert(at, time)
        self._values.insert(at, value)
        if len(self._times) > self._limit:
            del self._times[0], self._values[0]

    def keep(self, start: int, end: int) -> None:
        """Forget what is outside of these times, both included."""
        first, last = bisect_left(self._times, start), bisect_right(self._times, end)
        for column in (self._times, self._values):
            del column[last:]
            del column[:first]

    def points(self, start: int, end: int) -> Points:
        """Return a copy of what is within these times, both included."""
        first, last = bisect_left(self._times, start), bisect_right(self._times, end)
        times = np.array(self._times[first:last], dtype=np.int64)
        return Points(times, np.array(self._values[first:last], dtype=np.float64))

    def rhythm(self) -> tuple[int, Run | None]:
        """Return how long it may pause before that means something, and the run that it is in."""
        times = np.array(self._times, dtype=np.int64)
        limit = silence_ns(times, self._pause_ns_min)
        if not len(times):
            return limit, None
        pauses = np.flatnonzero(np.diff(times) > limit)
        return limit, Run(int(times[pauses[-1] + 1 if len(pauses) else 0]), bool(len(pauses)))


def silence_ns(times: NDArray[np.int64], least: int = SILENT_NS_MIN) -> int:
    """Return how long a pause between such times means nothing: three usual steps, never less than `least`."""
    steps = np.diff(times[-CADENCE_POINTS:])
    return max(least, int(3 * np.median(steps))) if len(steps) else least
