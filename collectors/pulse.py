"""What a collector says now and then of itself, for its container's health check."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from mq.health.note import Note, leave

EVERY_S = 2.0
LATE_S_MAX = 15.0


class Pulse:
    """Beats as often as it is asked to, and leaves a note at most every two seconds, or when something is new."""

    def __init__(self, environ: Mapping[str, str], step_s: float) -> None:
        self._environ = environ
        self._late_s = step_s + LATE_S_MAX
        self._troubles: tuple[str, ...] | None = None
        self._due = 0.0

    def beat(self, troubles: Iterable[str | None]) -> None:
        """Say what is wrong, if anything is, and that this collector goes on."""
        found, now = tuple(filter(None, troubles)), time.monotonic()
        if found != self._troubles or now >= self._due:
            self._troubles, self._due = found, now + EVERY_S
            leave(Note(until=now + self._late_s, troubles=found), self._environ)
