"""How often something may be said: so many times, then its kind is silent for the rest of a while, and counted.

Decides, and says nothing.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

LINES_MAX, WHILE_S = 50, 60.0
KINDS_MAX = 1_000

Kind = TypeVar("Kind", bound=Hashable)


@dataclass(slots=True)
class _While:
    """What of a kind was said since `began`, and what was not."""

    began: float
    said: int = 0
    left_out: int = 0


class Rate(Generic[Kind]):
    """Of too many kinds the one that began longest ago is given up; what of it was left out is in `forgotten`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kinds: OrderedDict[Kind, _While] = OrderedDict()
        self.forgotten = 0

    def admit(self, kind: Kind) -> int | None:
        """Return None for what is to be left out; else how many of its kind were, that nobody has been told of."""
        now = self._clock()
        current = self._kinds.get(kind)
        left_out = 0
        if current is None or now - current.began >= WHILE_S:
            left_out = current.left_out if current else 0
            current = self._begin(kind, now)
        if current.said == LINES_MAX:
            current.left_out += 1
            return None
        current.said += 1
        return left_out

    def due(self, *, everything: bool = False) -> list[tuple[Kind, int]]:
        """Return kinds of which something was left out, and how much, once their while is over; they begin anew."""
        now = self._clock()
        over = [
            (kind, it.left_out)
            for kind, it in self._kinds.items()
            if it.left_out and (everything or now - it.began >= WHILE_S)
        ]
        for kind, _ in over:
            del self._kinds[kind]
        return over

    @property
    def owes(self) -> bool:
        """Whether anything was left out that is still to be told."""
        return any(it.left_out for it in self._kinds.values())

    def _begin(self, kind: Kind, now: float) -> _While:
        self._kinds.pop(kind, None)
        if len(self._kinds) == KINDS_MAX:
            _, oldest = self._kinds.popitem(last=False)
            self.forgotten += oldest.left_out
        fresh = self._kinds[kind] = _While(now)
        return fresh
