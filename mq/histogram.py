"""How often something took how long: counts by upper bounds, as Prometheus wants them. One thread notes, any reads."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

# From a solid-state disk that is idle to one that is about to be given up.
SYNC_BOUNDS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Histogram:
    """Each value counts with the first bound that it is not above; above all of them, with the last count."""

    def __init__(self, bounds: Sequence[float] = SYNC_BOUNDS_S) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def note(self, value: float) -> None:
        """Count a value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def as_map(self) -> dict[str, object]:
        """Return it as it travels in a message: bounds, how many values fell to each and above all, and their sum."""
        return {"bounds": list(self._bounds), "counts": list(self._counts), "sum": self._sum}
