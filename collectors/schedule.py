"""When each metric is read: at once, then at fixed steps of a clock that nobody sets. Decides, and never waits."""

from __future__ import annotations

from collections.abc import Mapping


class Schedule:
    """Due times by name, in seconds of a monotonic clock. Steps slept through are skipped, not made up for."""

    def __init__(self, intervals_s: Mapping[str, float], start: float) -> None:
        self._intervals = dict(intervals_s)
        self._due = dict.fromkeys(intervals_s, start)

    @property
    def next(self) -> float:
        """When something is due next."""
        return min(self._due.values())

    def take_due(self, now: float) -> list[str]:
        """Return what is due, and put each off to its next step after `now`."""
        due = [name for name, moment in self._due.items() if moment <= now]
        for name in due:
            interval = self._intervals[name]
            self._due[name] += interval * (1 + (now - self._due[name]) // interval)
        return due
