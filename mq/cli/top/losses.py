"""What went, and where: from the broker's counters and from what is known of producers. Decides only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from mq.cli import producers

COUNTED = (
    ("frames_unstored", "not journaled, sent out live only"),
    ("live_overflows", "turns in which a subscriber was too slow"),
    ("replies_dropped", "answers that nobody took"),
)
SUMMED = (*producers.LOSSES, ("duplicate", "came twice"))


class Loss(NamedTuple):
    """How many of one kind went; `where` is the topic that has most of them, empty where that is not known."""

    number: int
    what: str
    where: str = ""


class Ledger:
    """Sums up what is known of producers, kind by kind."""

    def __init__(self) -> None:
        self._sums: dict[str, int] = {}
        self._worst: dict[str, tuple[int, str]] = {}

    def add(self, account: Mapping[str, Any]) -> None:
        """Take what is known of one producer and topic."""
        for name, _ in SUMMED:
            number = account[name]
            if number:
                self._sums[name] = self._sums.get(name, 0) + number
                self._worst[name] = max(self._worst.get(name, (0, "")), (number, account["topic"]))

    def losses(self) -> Iterator[Loss]:
        """Yield each kind of which there is something."""
        for name, what in SUMMED:
            if name in self._sums:
                yield Loss(self._sums[name], what, self._worst[name][1])


def counted(stats: Mapping[str, Any]) -> Iterator[Loss]:
    """Yield what the broker's own counters tell."""
    for name, what in COUNTED:
        if isinstance(number := stats.get(name), int) and number:
            yield Loss(number, what)
    refused = stats.get("refused")
    for port, kinds in refused.items() if isinstance(refused, dict) else ():
        for kind, number in kinds.items() if isinstance(kinds, dict) else ():
            if isinstance(number, int):
                yield Loss(number, f"frames refused on {port}: {kind}")


def greatest_first(losses: Iterable[Loss]) -> list[Loss]:
    """Return them in order."""
    return sorted(losses, key=lambda loss: (-loss.number, loss.what))
