"""What producers say of their own records, of which the broker sees only those that it was sent.

Whoever connects may say anything, so a report is shown beside what was counted, and hurts no row but its own.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from mq.errors import BadMessage
from mq.topic import encode_topic

REPORTS_MAX = 100_000
ROWS_MAX = 1_000
_ROW = [str, int, int, int, int]
_U64 = 2**64


class Reported(NamedTuple):
    """One producer's records for one topic: handed over to it, waiting on its disk, given up by it."""

    sampled: int = 0
    spooled: int = 0
    dropped: int = 0


class Reports:
    """The last word on each; of too many those that are longest unchanged are forgotten.

    `spooled` and `dropped` are the sums of what all of them say.
    """

    def __init__(self) -> None:
        self.spooled = self.dropped = 0
        self._reports: OrderedDict[tuple[bytes, int], Reported] = OrderedDict()

    def take(self, rows: Sequence[Any]) -> None:
        """Take a report in. Raises `BadMessage`, `BadTopic`; then nothing of it is kept."""
        if not 0 < len(rows) <= ROWS_MAX:
            raise BadMessage(f"sampling: there are 1 to {ROWS_MAX} rows, not {len(rows)}")
        checked = [_checked(row) for row in rows]
        for key, reported in checked:
            self._sum_up(self._reports.get(key, Reported()), reported)
            self._reports[key] = reported
            self._reports.move_to_end(key)
        while len(self._reports) > REPORTS_MAX:
            _, forgotten = self._reports.popitem(last=False)
            self._sum_up(forgotten, Reported())

    def all(self) -> dict[tuple[bytes, int], Reported]:
        """Return all, by topic and producer. For any thread."""
        return dict(self._reports)

    def gauges(self) -> dict[str, Callable[[], int]]:
        """Return what tells the sums, none above what travels as a number: who says nonsense breaks no message."""
        return {
            "producer_spooled_records": lambda: min(self.spooled, _U64 - 1),
            "producer_dropped_records": lambda: min(self.dropped, _U64 - 1),
        }

    def _sum_up(self, before: Reported, now: Reported) -> None:
        self.spooled += now.spooled - before.spooled
        self.dropped += now.dropped - before.dropped


def _checked(row: Any) -> tuple[tuple[bytes, int], Reported]:
    if type(row) is not list or list(map(type, row)) != _ROW or not all(0 <= it < _U64 for it in row[1:]):
        raise BadMessage("sampling: a row is topic, producer, and records sampled, spooled and dropped")
    return (encode_topic(row[0]), row[1]), Reported(*row[2:])
