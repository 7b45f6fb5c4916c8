"""When each metric is read: at once, then at fixed steps of a clock that nobody sets. Decides, and never waits."""

from __future__ import annotations

from collections.abc import Mapping


class Schedule:
    """Due times by name, in ns of a monotonic clock: whole numbers, so steps stay where they are for ever.

    Steps that were slept through are skipped, not made up for.
    """

    def __init__(self, intervals: Mapping[str, int], start: int) -> None:
        self._intervals = dict(intervals)
        self._due = dict.fromkeys(intervals, start)

    @property
    def next(self) -> int:
        """When something is due next."""
        return min(self._due.values())

    def take_due(self, now: int) -> list[str]:
        """Return what is due, and put each off to its next step after `now`."""
        due = [name for name, moment in self._due.items() if moment <= now]
        for name in due:
            interval = self._intervals[name]
            self._due[name] += interval * (1 + (now - self._due[name]) // interval)
        return due
