"""When to look at what again: what takes a broker long is asked for less often. Decides, and reads no clock."""

from __future__ import annotations

from collections.abc import Iterable

REST = 19
"""After a look that took so long, nothing of its kind is asked for so many times as long: it has a twentieth."""


class Pace:
    """Due times by name, in seconds of a clock that nobody sets. What has begun is not due until it is done."""

    def __init__(self, names: Iterable[str], interval_s: float) -> None:
        self._interval_s = interval_s
        self._due = dict.fromkeys(names, float("-inf"))

    def begin_due(self, now: float) -> list[str]:
        """Return what is to begin now."""
        names = [name for name, due in self._due.items() if due <= now]
        for name in names:
            del self._due[name]
        return names

    def done(self, name: str, began: float, took_s: float, now: float) -> None:
        """Note that a look has ended, and for how long it made the broker answer."""
        self._due[name] = max(began + self._interval_s, now + REST * took_s)

    def hurry(self, names: Iterable[str]) -> None:
        """Make these due now, whether they have begun or not."""
        self._due |= dict.fromkeys(names, float("-inf"))

    def seconds_to_next(self, now: float) -> float:
        """Return how long nothing is due."""
        return max(0.0, min(self._due.values(), default=now) - now)
