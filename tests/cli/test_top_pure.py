"""What ``minimq top`` decides: rates between two answers, what fits, and when to ask again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mq.cli.top.fitting import columns_that_fit, rows_that_fit
from mq.cli.top.meter import Meter
from mq.cli.top.pace import REST, Pace
from mq.cli.top.sections import plain
from mq.cli.top.topic_table import Order, TopicTable

NUMBERS = st.integers(0, 2**63)


@given(NUMBERS, NUMBERS, st.booleans())
def test_a_rate_is_never_below_nothing_and_never_spans_two_lives(before: int, now: int, same: bool) -> None:
    meter = Meter()
    meter.take({"it": before}, 1, 10.0)
    assert meter.rates == {}
    meter.take({"it": now}, 1 if same else 2, 12.0)
    assert meter.rates == ({"it": (now - before) / 2} if same and now >= before else {})


@given(st.integers(0, 200), st.lists(st.integers(0, 50), max_size=6), st.integers(0, 1))
def test_sections_never_take_more_than_the_room_and_leave_none_that_one_wants(
    room: int, wanted: list[int], gap: int
) -> None:
    given_rows = rows_that_fit(room, wanted, gap)
    used = sum(rows + 1 + gap for rows in given_rows if rows)
    assert used <= room
    assert all(rows <= most for rows, most in zip(given_rows, wanted, strict=True))
    hungry = any(0 < rows < most for rows, most in zip(given_rows, wanted, strict=True))
    assert not hungry or used == room


@given(st.integers(0, 200), st.lists(st.integers(0, 30), max_size=6))
def test_columns_that_are_shown_fit_beside_the_name(width: int, widths: list[int]) -> None:
    count = columns_that_fit(width, 20, widths, 2)
    assert count == 0 or 20 + sum(each + 2 for each in widths[:count]) <= width


@given(st.floats(0, 1e3), st.floats(0, 1e3))
def test_what_takes_a_broker_long_is_asked_for_less_often(began: float, took: float) -> None:
    pace = Pace(["topics"], 1.0)
    assert pace.begin_due(began) == ["topics"]
    pace.done("topics", began, took, began + took)
    assert pace.seconds_to_next(began + took) >= (REST - 0.01) * took - 1e-6


def test_a_topic_that_lost_its_end_has_no_rate_and_one_that_is_not_listed_is_no_more() -> None:
    table = TopicTable()
    table.take([["a", 0, 10, 100, 1, 5], ["b", 0, 1, 1, 1, 5], ["bad"]], 0.0)
    table.begin_sweep()
    table.take([["a", 0, 30, 300, 1, 6]], 2.0)
    table.end_sweep()
    (row,) = table.first(Order.RECORDS, 9)
    assert (row.topic, row.records_s, row.bytes_s) == ("a", 10.0, 100.0)
    table.take([["a", 0, 5, 50, 1, 7]], 9.0)
    assert table.first(Order.RECORDS, 9)[0].records_s is None


@given(st.text())
def test_a_name_drives_no_terminal(name: str) -> None:
    assert plain(name).isprintable()
