"""What producers say of themselves: taken whole or not at all, and bounded."""

from __future__ import annotations

from typing import Any

import pytest

from mq.broker import reported
from mq.broker.ledger import Ledger
from mq.broker.reported import KEPT_S, KEPT_UNPROVEN_S, Reported, Reports
from mq.broker.senders import Senders
from mq.errors import BadMessage, BadTopic
from mq.protocol import COUNT_MAX
from mq.topic import Pattern

ANN, EVE = b"ann", b"eve"
ROW = ["a", 7, 10, 4, 1]


@pytest.mark.parametrize(
    "row",
    [
        *(
            [*ROW[:place], wrong, *ROW[place + 1 :]]
            for place in range(1, 5)
            for wrong in (-1, 2**64, 1.0, "1", True, None)
        ),
        *([*ROW[:place], COUNT_MAX + 1, *ROW[place + 1 :]] for place in range(2, 5)),
        *(["", *ROW[1:]], [b"a", *ROW[1:]], [None, *ROW[1:]], ["a//b", *ROW[1:]], ["t" * 201, *ROW[1:]]),
        *(ROW[:-1], [*ROW, 1], [], None, "a", {}),
    ],
    ids=repr,
)
def test_a_row_that_cannot_be_is_refused_with_all_beside_it(row: Any) -> None:
    reports = Reports()
    with pytest.raises((BadMessage, BadTopic)):
        reports.take(ANN, [ROW, row])
    assert reports.all() == {}


@pytest.mark.parametrize("count", [0, reported.ROWS_MAX + 1])
def test_a_report_has_so_many_rows(count: int) -> None:
    with pytest.raises(BadMessage, match="1 to 1000 rows"):
        Reports().take(ANN, [ROW] * count)


def test_the_last_word_counts_and_of_too_many_the_longest_unchanged_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reported, "REPORTS_MAX", 2)
    senders = Senders()
    senders.note(1, ANN)
    reports = Reports(senders)
    for row in (["a", 1, 1, 0, 0], ["b", 1, 1, 0, 0], ["a", 1, 5, 2, 1], ["c", 1, 1, 0, 0]):
        reports.take(ANN, [row])
    assert reports.all() == {(b"a", 1): Reported(5, 2, 1), (b"c", 1): Reported(1, 0, 0)}


def test_a_producer_of_which_nothing_has_come_yet_is_shown_by_what_it_says() -> None:
    reports = Reports()
    reports.take(ANN, [ROW])
    ((row,), _) = Ledger(reports.all, lambda: {"a": 3}).page([Pattern.parse("#")], None, 9)
    assert (row.topic, row.producer, row.received, row.sampled, row.spooled, row.dropped, row.repaired) == (
        *("a", 7, 0, 10, 4, 1),
        3,
    )


def test_a_row_is_the_connections_over_which_the_producers_frames_come_whoever_spoke_of_it_first() -> None:
    senders = Senders()
    reports = Reports(senders)
    reports.take(EVE, [ROW])
    reports.take(ANN, [["a", 7, 20, 0, 0]])
    assert reports.all() == {(b"a", 7): Reported(10, 4, 1)}
    senders.note(7, ANN)
    reports.take(ANN, [["a", 7, 20, 0, 0]])
    reports.take(EVE, [["a", 7, 30, 9, 9], ["b", 7, 1, 1, 1], ["a", 8, 1, 0, 0]])
    assert reports.all() == {(b"a", 7): Reported(20, 0, 0), (b"a", 8): Reported(1, 0, 0)}
    senders.note(7, b"ann, connected anew")
    reports.take(b"ann, connected anew", [["a", 7, 21, 0, 0]])
    reports.take(ANN, [["a", 7, 22, 0, 0]])
    assert reports.all()[b"a", 7] == Reported(21, 0, 0)


def test_a_connection_has_so_many_rows_and_what_nobody_vouches_for_displaces_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reported, "REPORTS_MAX", 10)
    monkeypatch.setattr(reported, "CLIENT_REPORTS_MAX", 6)
    senders = Senders()
    senders.note(7, ANN)
    reports = Reports(senders)
    reports.take(ANN, [ROW])
    for client in (EVE, b"eve too"):
        reports.take(client, [["forged", number + len(client) * 100, 1, 1, 1] for number in range(100)])
    assert (len(reports.all()), reports.all()[b"a", 7]) == (10, Reported(10, 4, 1))
    reports.take(ANN, [["b", 7, 1, 0, 0]])
    assert (len(reports.all()), reports.all()[b"b", 7]) == (10, Reported(1, 0, 0))


def test_what_nobody_vouches_for_is_soon_forgotten_and_what_somebody_does_is_kept_for_a_day() -> None:
    now = 1_000.0
    senders = Senders()
    senders.note(7, ANN)
    reports = Reports(senders, lambda: now)
    reports.take(ANN, [ROW])
    reports.take(EVE, [["forged", 1, 1, 1, 1]])
    now += KEPT_UNPROVEN_S
    reports.take(b"bob", [["c", 2, 1, 0, 0]])
    assert reports.all().keys() == {(b"a", 7), (b"c", 2)}
    now += KEPT_S
    reports.take(b"bob", [["c", 2, 1, 0, 0]])
    assert reports.all().keys() == {(b"c", 2)}


def test_the_sums_follow_each_report_and_what_is_forgotten_and_stay_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reported, "REPORTS_MAX", 2)
    senders = Senders()
    senders.note(7, ANN)
    reports = Reports(senders)
    gauges = reports.gauges()

    def sums() -> list[int]:
        return [gauges[f"producer_{name}_records"]() for name in ("spooled", "dropped")]

    reports.take(ANN, [["a", 7, 10, 4, 1], ["b", 7, 10, 2, 0]])
    assert sums() == [6, 1]
    reports.take(ANN, [["a", 7, 12, 0, 3]])
    assert sums() == [2, 3]
    reports.take(ANN, [["c", 7, 1, 1, 1]])  # so b, longest unchanged, is forgotten
    assert sums() == [1, 4]
    reports.spooled = reports.dropped = 2**64
    assert sums() == [2**64 - 1] * 2
