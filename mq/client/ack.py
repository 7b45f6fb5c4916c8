"""The answer that is to come for what a producer sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from mq.errors import MqError, TimedOut, with_word

if TYPE_CHECKING:
    from mq.client.batch import Batch


class Stored(NamedTuple):
    """Where a record is, and how safely: `written` survives the broker's death, `durable` a power cut."""

    offset: int
    level: str


class Waiting(Protocol):
    """Where the answers come in; `last_word` is why the broker takes nothing now, or empty."""

    last_word: str

    def wait(self, batch: Batch, place: int, timeout: float | None) -> None:
        """Wait until there is one, or the time is over; a batch that is still open leaves at once."""


class Ack:
    """The promise of an answer for a record: the one at `place` in its batch."""

    __slots__ = ("_batch", "_place", "_waiting")

    def __init__(self, waiting: Waiting, batch: Batch, place: int) -> None:
        self._waiting = waiting
        self._batch = batch
        self._place = place

    @property
    def done(self) -> bool:
        """Whether the answer is there."""
        return self._batch.outcome_at(self._place) is not None

    def result(self, timeout: float | None = None) -> Stored:
        """Wait for the answer: where the last of the records is. Raises the `MqError` that it is, or `TimedOut`."""
        batch, place = self._batch, self._place
        outcome = batch.outcome_at(place)
        if outcome is None:
            self._waiting.wait(batch, place, timeout)
            outcome = batch.outcome_at(place)
        if outcome is None:
            known = with_word("whether it happened is unknown", self._waiting.last_word)
            raise TimedOut(f"acknowledgement for {batch.topic}", timeout or 0.0, known)
        if isinstance(outcome, MqError):
            batch.asked = True
            raise outcome.with_traceback(None)
        return outcome
