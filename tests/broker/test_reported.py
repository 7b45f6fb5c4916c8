"""What producers say of themselves: taken whole or not at all, and bounded."""

from __future__ import annotations

from typing import Any

import pytest

from mq.broker import reported
from mq.broker.ledger import Ledger
from mq.broker.reported import Reported, Reports
from mq.errors import BadMessage, BadTopic
from mq.topic import Pattern

ROW = ["a", 7, 10, 4, 1]


@pytest.mark.parametrize(
    "row",
    [
        *(
            [*ROW[:place], wrong, *ROW[place + 1 :]]
            for place in range(1, 5)
            for wrong in (-1, 2**64, 1.0, "1", True, None)
        ),
        *(["", *ROW[1:]], [b"a", *ROW[1:]], [None, *ROW[1:]], ["a//b", *ROW[1:]], ["t" * 201, *ROW[1:]]),
        *(ROW[:-1], [*ROW, 1], [], None, "a", {}),
    ],
    ids=repr,
)
def test_a_row_that_cannot_be_is_refused_with_all_beside_it(row: Any) -> None:
    reports = Reports()
    with pytest.raises((BadMessage, BadTopic)):
        reports.take([ROW, row])
    assert reports.all() == {}


@pytest.mark.parametrize("count", [0, reported.ROWS_MAX + 1])
def test_a_report_has_so_many_rows(count: int) -> None:
    with pytest.raises(BadMessage, match="1 to 1000 rows"):
        Reports().take([ROW] * count)


def test_the_last_word_counts_and_of_too_many_the_longest_unchanged_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reported, "REPORTS_MAX", 2)
    reports = Reports()
    for row in (["a", 1, 1, 0, 0], ["b", 1, 1, 0, 0], ["a", 1, 5, 2, 1], ["c", 1, 1, 0, 0]):
        reports.take([row])
    assert reports.all() == {(b"a", 1): Reported(5, 2, 1), (b"c", 1): Reported(1, 0, 0)}


def test_a_producer_of_which_nothing_has_come_yet_is_shown_by_what_it_says() -> None:
    reports = Reports()
    reports.take([ROW])
    ((row,), _) = Ledger(reports.all, lambda: {"a": 3}).page([Pattern.parse("#")], None, 9)
    assert (row.topic, row.producer, row.received, row.sampled, row.spooled, row.dropped, row.repaired) == (
        *("a", 7, 0, 10, 4, 1),
        3,
    )


def test_the_sums_follow_each_report_and_what_is_forgotten_and_stay_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reported, "REPORTS_MAX", 2)
    reports = Reports()
    gauges = reports.gauges()

    def sums() -> list[int]:
        return [gauges[f"producer_{name}_records"]() for name in ("spooled", "dropped")]

    reports.take([["a", 7, 10, 4, 1], ["b", 7, 10, 2, 0]])
    assert sums() == [6, 1]
    reports.take([["a", 7, 12, 0, 3]])
    assert sums() == [2, 3]
    reports.take([["c", 7, 1, 1, 1]])  # so b, longest unchanged, is forgotten
    assert sums() == [1, 4]
    reports.take([["c", 7, 1, 2**64 - 1, 2**64 - 1]])
    assert sums() == [2**64 - 1] * 2
