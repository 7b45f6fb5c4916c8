"""What a member of a shared consumer was handed, and what is to be told of it. Touches no socket."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from mq.client.message import Message
from mq.errors import Refused

ROWS_MAX = 256

Row = list[Any]


class Tally:
    """Offsets by topic: handed out, done, failed."""

    def __init__(self) -> None:
        self._out: set[tuple[str, int]] = set()
        self._done: list[tuple[str, int]] = []
        self._failed: list[tuple[str, int]] = []

    def __len__(self) -> int:
        """Return how much is to be told."""
        return len(self._done) + len(self._failed)

    def hand_out(self, message: Message) -> None:
        """Note that the caller has it."""
        self._out.add((message.topic, message.offset or 0))

    def has(self, message: Message) -> bool:
        """Whether the caller has it, or it is to be settled."""
        place = message.topic, message.offset or 0
        return place in self._out or place in self._done or place in self._failed

    def done(self, message: Message) -> None:
        """Note that the caller is done with it. Raises `Refused` (`fenced`)."""
        self._done.append(self._take(message))

    def failed(self, message: Message) -> None:
        """Note that it is for somebody else. Raises `Refused` (`fenced`)."""
        self._failed.append(self._take(message))

    def pages(self) -> Iterator[tuple[list[Row], list[Row]]]:
        """Yield rows of what is done and what failed, as many as one request takes."""
        rows = [(True, row) for row in rows_of(self._done)] + [(False, row) for row in rows_of(self._failed)]
        for start in range(0, len(rows), ROWS_MAX):
            page = rows[start : start + ROWS_MAX]
            yield [row for is_done, row in page if is_done], [row for is_done, row in page if not is_done]

    def told(self) -> None:
        """Note that the broker knows all that was to be told."""
        self._done, self._failed = [], []

    def forget(self) -> None:
        """Note that nothing is held any more."""
        self._out.clear()
        self.told()

    def _take(self, message: Message) -> tuple[str, int]:
        place = message.topic, -1 if message.offset is None else message.offset
        if place not in self._out:
            why = f"{message.topic} offset {message.offset} is not held: it is settled, or was given to somebody else"
            raise Refused("fenced", why)
        self._out.discard(place)
        return place


def rows_of(places: Iterable[tuple[str, int]]) -> list[Row]:
    """Return topics and offsets as rows of topic, first, next."""
    rows: list[Row] = []
    for topic, offset in sorted(places):
        if rows and rows[-1][0] == topic and rows[-1][2] == offset:
            rows[-1][2] = offset + 1
        else:
            rows.append([topic, offset, offset + 1])
    return rows
