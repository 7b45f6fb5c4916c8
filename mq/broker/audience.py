"""Who listens, by what subscribers say of themselves when they ask for the ends. Decides, and touches no socket.

A subscriber that says nothing is shown with what it said last and how long ago that was, and then forgotten.
"""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mq.broker.senders import Client
from mq.protocol import Report

AUDIENCE_MAX = 1_000
CLIENT_LISTENERS_MAX = 16
FORGOTTEN_S = 10.0
OWNED_S = 3.0  # they report every second; who connects anew says on after this
PATTERNS_SHOWN_MAX = 200
SECOND_MS = 1_000


class Listener(NamedTuple):
    """One subscriber as it is shown: `silent_ms` is the age of its report."""

    number: int
    name: str
    patterns: str
    lag: int
    repaired: int
    lost: int
    silent_ms: int


@dataclass(slots=True)
class _Entry:
    client: Client
    report: Report
    patterns: str
    heard: float


class Audience:
    """What each subscriber reported last; of too many, those are forgotten that have been silent the longest."""

    def __init__(self) -> None:
        self._entries: OrderedDict[int, _Entry] = OrderedDict()

    def heard(self, client: Client, report: Report, patterns: Sequence[str], now: float) -> None:
        """Take a report, which `mq.protocol.decode` has checked; not one about another connection's listener."""
        number = report["number"]
        entry = self._entries.get(number)
        if entry is not None and entry.client != client and now - entry.heard < OWNED_S:
            return
        if entry is None or entry.client != client:
            self._make_room_for(client)
        self._entries[number] = _Entry(client, report, _in_short(patterns), now)
        self._entries.move_to_end(number)
        if len(self._entries) > AUDIENCE_MAX:
            self._entries.popitem(last=False)
        self._forget(now)

    def page(self, after: int | None, count: int, now: float) -> tuple[list[Listener], int | None]:
        """Return so many listeners, in the order of their numbers, behind `after`; and what to go on after."""
        self._forget(now)
        numbers = sorted(number for number in self._entries if after is None or number > after)
        rows = [_row(number, self._entries[number], now) for number in numbers[:count]]
        return rows, numbers[count - 1] if len(numbers) > count else None

    def gauges(self, clock: Callable[[], float] = time.monotonic) -> dict[str, Callable[[], int]]:
        """Return what tells how many report of themselves, and how far the one that is furthest behind is."""
        return {
            "subscribers_reporting": lambda: len(self._lags(clock())),
            "subscriber_lag_max_records": lambda: max(self._lags(clock()), default=0),
        }

    def _lags(self, now: float) -> list[int]:
        return [it.report["lag"] for it in list(self._entries.values()) if now - it.heard < FORGOTTEN_S]

    def repaired(self) -> Counter[str]:
        """Return how often those who listen now had to fetch something, by topic, as far as they said."""
        repaired: Counter[str] = Counter()
        for entry in list(self._entries.values()):
            for topic, times in entry.report["topics"]:
                repaired[topic] += times
        return repaired

    def _make_room_for(self, client: Client) -> None:
        own = [number for number, entry in self._entries.items() if entry.client == client]
        if len(own) >= CLIENT_LISTENERS_MAX:
            del self._entries[own[0]]

    def _forget(self, now: float) -> None:
        while self._entries:
            number, entry = next(iter(self._entries.items()))
            if now - entry.heard < FORGOTTEN_S:
                return
            del self._entries[number]


def _row(number: int, entry: _Entry, now: float) -> Listener:
    report = entry.report
    silent_ms = max(0, round((now - entry.heard) * SECOND_MS))
    name, lag, repaired, lost = report["name"], report["lag"], report["repaired"], report["lost"]
    return Listener(number, name, entry.patterns, lag, repaired, lost, silent_ms)


def _in_short(patterns: Sequence[str]) -> str:
    text = ""
    for place, pattern in enumerate(patterns):
        longer = f"{text} {pattern}".strip()
        if len(longer) > PATTERNS_SHOWN_MAX:
            return f"{text} and {len(patterns) - place} more"
        text = longer
    return text
