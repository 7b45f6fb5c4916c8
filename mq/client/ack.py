"""The answer that is to come for what a producer sent."""

from __future__ import annotations

from threading import Condition
from typing import NamedTuple

from mq.errors import MqError, TimedOut
from mq.frame import Content


class Stored(NamedTuple):
    """Where a record is, and how safely: `written` survives the broker's death, `durable` a power cut."""

    offset: int
    level: str


class Ack:
    """The promise of an answer for what was sent at once."""

    __slots__ = ("_changed", "_outcome", "content", "due", "produced")

    def __init__(self, changed: Condition, content: Content, produced: int) -> None:
        self._changed = changed
        self._outcome: Stored | MqError | None = None
        self.content = content
        self.produced = produced
        self.due = float("inf")

    @property
    def done(self) -> bool:
        """Whether the answer is there."""
        return self._outcome is not None

    def result(self, timeout: float | None = None) -> Stored:
        """Wait for the answer: where the last of the records is. Raises the `MqError` that it is, or `TimedOut`."""
        with self._changed:
            self._changed.wait_for(lambda: self._outcome is not None, timeout)
        if self._outcome is None:
            raise TimedOut(f"acknowledgement for {self.content.name.decode()}", timeout or 0.0)
        if isinstance(self._outcome, MqError):
            raise self._outcome
        return self._outcome

    def settle(self, outcome: Stored | MqError) -> None:
        """Give the answer. The producer's thread calls it, and tells those who wait."""
        self._outcome = outcome
