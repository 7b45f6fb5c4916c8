"""Answering from the journal: a few threads, each with a link of its own to the broker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from mq.client.link import Link
from mq.gateway.limits import Limits
from mq.gateway.workers import Asked, Pool

READERS = 4
Found = TypeVar("Found")
Look = Callable[[Link], Any]


class Reader:
    """Looks things up, one after another."""

    def __init__(self, broker: str, limits: Limits) -> None:
        self._link = Link(broker, limits.answer_s_max)

    def serve(self, questions: Sequence[Asked[Look, Any]]) -> None:
        """Answer each by what it does with the link."""
        for asked in questions:
            asked.answer(asked.job(self._link))

    def close(self) -> None:
        """Let go of the connection."""
        self._link.close()


class Reading:
    """All readers: ask with a function, which is called with the link of one that has time."""

    def __init__(self, broker: str, limits: Limits) -> None:
        readers = [Reader(broker, limits) for _ in range(READERS)]
        self._pool: Pool[Look, Any] = Pool("reading", readers, waiting_max=limits.requests_waiting_max, turn_max=1)

    async def ask(self, look: Callable[[Link], Found]) -> Found:
        """Return what the function returns, or raise what it raises."""
        found: Found = await self._pool.ask(look)
        return found

    def close(self) -> None:
        """End all readers."""
        self._pool.close()
