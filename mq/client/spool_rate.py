"""How fast what is on the disk only is read back."""

from __future__ import annotations


class Rate:
    """An allowance of bytes that grows with time, up to that of a second. What is taken on top is owed.

    What queues up behind a backlog adds to it, so that the backlog shrinks by the rate, whatever arrives.
    """

    def __init__(self, bytes_s: int) -> None:
        self._bytes_s = self._allowance = float(bytes_s)
        self._grown_at = 0.0

    def grow(self, now: float) -> None:
        """Let the time since the last asking count."""
        self.add(self._bytes_s * max(0.0, now - self._grown_at))
        self._grown_at = now

    def add(self, size: float) -> None:
        """Allow so much more."""
        self._allowance = min(self._allowance + size, self._bytes_s)

    def take(self, size: int) -> None:
        """Use so much."""
        self._allowance -= size

    def wait_s(self) -> float:
        """Return how long there is nothing to be had; 0 when there is."""
        return 0.0 if self._allowance > 0 else 0.001 - self._allowance / self._bytes_s
