"""Points in a topic, as people type them."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from mq.cli.points import parse_point
from mq.client.replay import nanoseconds

TIMES = st.datetimes(datetime(1971, 1, 1), datetime(2499, 12, 30), timezones=st.just(UTC))


def point(text: str) -> int | datetime | timedelta:
    return parse_point(text, "--from")


@given(st.integers(0, 10**19 - 1))
def test_a_whole_number_is_an_offset(offset: int) -> None:
    assert point(str(offset)) == offset


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("-15m", timedelta(minutes=15)),
        ("-90s", timedelta(seconds=90)),
        ("-1.5h", timedelta(hours=1.5)),
        ("-2d", timedelta(days=2)),
        ("-3w", timedelta(weeks=3)),
        ("-0s", timedelta(0)),
    ],
)
def test_so_long_ago_is_a_time_span(text: str, ago: timedelta) -> None:
    assert point(text) == ago


@given(TIMES, st.integers(-23 * 60, 23 * 60))
def test_an_iso_time_with_its_zone_is_that_time(moment: datetime, minutes_east: int) -> None:
    elsewhere = moment.astimezone(datetime.strptime(f"{minutes_east // 60:+03d}:00", "%z").tzinfo)
    assert point(elsewhere.isoformat()) == moment


@given(TIMES)
def test_an_iso_time_without_a_zone_is_local(moment: datetime) -> None:
    local = moment.replace(tzinfo=None)
    assert point(local.isoformat()) == local.astimezone()


def test_a_date_is_its_midnight() -> None:
    assert point("2026-11-24") == datetime(2026, 11, 24).astimezone()


@given(st.integers(0, 23), st.integers(0, 59), st.integers(0, 59), st.booleans())
def test_a_time_of_day_is_the_last_one_there_was(hour: int, minute: int, second: int, with_seconds: bool) -> None:
    found = point(f"{hour:02}:{minute:02}" + (f":{second:02}" if with_seconds else ""))
    assert isinstance(found, datetime)
    assert (found.hour, found.minute, found.second) == (hour, minute, second if with_seconds else 0)
    assert timedelta(0) <= datetime.now().astimezone() - found < timedelta(days=1, hours=2)


@pytest.mark.parametrize(
    "text", ["", " ", "soon", "1.5", "-5", "-5y", "+5m", "24:00", "12:60", "2026-13-01", "٣", "1e3", "0x10", "9" * 20]
)
def test_anything_else_is_refused_and_the_forms_are_shown(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="is not an offset, a time") as caught:
        point(text)
    assert repr(text) in str(caught.value)
    assert caught.value.param_hint == "'--from'"


@given(
    st.text(max_size=30)
    | st.from_regex(r"-?\d{1,40}[smhdw]?", fullmatch=True)
    | st.from_regex(r"\d{4}-\d\d-\d\d(T\d\d:\d\d)?([+-]\d\d:\d\d)?", fullmatch=True)
)
def test_any_text_is_a_point_that_the_protocol_can_carry_or_refused(text: str) -> None:
    with contextlib.suppress(typer.BadParameter):
        found = point(text)
        number = found if isinstance(found, int) else nanoseconds(found)
        assert 0 <= number < 2**64
