"""What counters grow by in a second. Decides, and reads nothing but the clock it is given."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

Clock = Callable[[], float]
Counters = Mapping[str, tuple[int, int]]  # by the name of a device: bytes in and bytes out, since some moment


class Rates:
    """Compares each look with the one before it, over the time that passed by a clock that nobody sets."""

    def __init__(self, counters: Counters, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._before, self._at = counters, clock()

    def per_second(self, counters: Counters) -> dict[str, tuple[float, float]]:
        """Return the rates of what is there now, in bytes/s.

        What was not there before counts as still for this once, and so does a counter that went back.
        """
        before, since = self._before, self._at
        self._before, self._at = counters, self._clock()
        elapsed = self._at - since
        return {name: _growth(before.get(name, now), now, elapsed) for name, now in counters.items()}


def _growth(before: tuple[int, int], now: tuple[int, int], elapsed: float) -> tuple[float, float]:
    return _rate(now[0] - before[0], elapsed), _rate(now[1] - before[1], elapsed)


def _rate(growth: int, elapsed: float) -> float:
    return round(growth / elapsed, 1) if growth > 0 and elapsed > 0 else 0.0
