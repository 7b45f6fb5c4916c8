"""When a child that has died is started again. Decides, and never waits."""

from __future__ import annotations

RESTART_S_MIN = 0.5
RESTART_S_MAX = 30.0
STEADY_S = 60.0


class Restarts:
    """Delays and due times by name, in seconds of a clock that nobody sets.

    Each death in a row puts a child off for twice as long as the one before, within bounds. One that has run for
    `STEADY_S` begins anew.
    """

    def __init__(self) -> None:
        self._started: dict[str, float] = {}
        self._delays: dict[str, float] = {}
        self._due: dict[str, float] = {}

    def put_off(self, name: str, now: float) -> float:
        """Take note of a death, and return for how long the child stays away."""
        again = name in self._delays and now - self._started[name] < STEADY_S
        delay = min(2 * self._delays[name], RESTART_S_MAX) if again else RESTART_S_MIN
        self._delays[name] = delay
        self._due[name] = now + delay
        return delay

    def take_due(self, now: float) -> list[str]:
        """Return what is to be started now."""
        due = [name for name, moment in self._due.items() if moment <= now]
        for name in due:
            del self._due[name]
            self._started[name] = now
        return due

    def seconds_to_next(self, now: float) -> float | None:
        """Return how long nothing is due, None when nothing is put off."""
        return max(0.0, min(self._due.values()) - now) if self._due else None
