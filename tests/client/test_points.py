"""Times in every form that people write: one table, and what is refused."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mq.client.points import parse_point, parse_time
from mq.client.replay import EPOCH, nanoseconds
from mq.errors import BadPoint

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)  # a Tuesday
EAST = timezone(timedelta(hours=1))


def local(*parts: int) -> datetime:
    return datetime(*parts).astimezone()  # type: ignore[arg-type]


CASES = [
    ("now", timedelta(0)),
    ("-15m", timedelta(minutes=15)),
    ("-1h30m", timedelta(minutes=90)),
    ("-1.5 h", timedelta(minutes=90)),
    ("-2 days", timedelta(days=2)),
    ("15 minutes ago", timedelta(minutes=15)),
    ("1h 5min ago", timedelta(minutes=65)),
    ("@1795489200.5", datetime(2026, 11, 24, 3, 0, 0, 500_000, UTC)),
    ("2026-11-24", local(2026, 11, 24)),
    ("2026-11-24 03:12", local(2026, 11, 24, 3, 12)),
    ("2026-11-24T03:12:00.123456789Z", datetime(2026, 11, 24, 3, 12, 0, 123_456, UTC)),
    ("2026-11-24T03:12+01:00", datetime(2026, 11, 24, 3, 12, tzinfo=EAST)),
    ("2026-11-24 03:12 UTC", datetime(2026, 11, 24, 3, 12, tzinfo=UTC)),
    ("2026-11-24 03:12 Europe/Berlin", datetime(2026, 11, 24, 3, 12, tzinfo=EAST)),
    ("20261124T031200Z", datetime(2026, 11, 24, 3, 12, tzinfo=UTC)),
    ("2026-W48-2", local(2026, 11, 24)),
    ("2026/11/24 03:12", local(2026, 11, 24, 3, 12)),
    ("24.11.2026 03:12", local(2026, 11, 24, 3, 12)),
    ("24 Nov 2026", local(2026, 11, 24)),
    ("24 november 2026 3:12 pm", local(2026, 11, 24, 15, 12)),
    ("November 24, 2026", local(2026, 11, 24)),
    ("24/Nov/2026:03:12:00 +0100", datetime(2026, 11, 24, 3, 12, tzinfo=EAST)),
    ("Tue, 24 Nov 2026 03:12:00 GMT", datetime(2026, 11, 24, 3, 12, tzinfo=UTC)),
    ("Tue Nov 24 17:08:58 UTC 2026", datetime(2026, 11, 24, 17, 8, 58, tzinfo=UTC)),
    ("Tue Nov 24 17:08:58 2026", local(2026, 11, 24, 17, 8, 58)),
    ("03:12 UTC", datetime(2026, 11, 24, 3, 12, tzinfo=UTC)),
    ("13:00 UTC", datetime(2026, 11, 23, 13, 0, tzinfo=UTC)),
    ("3:12pm UTC", datetime(2026, 11, 23, 15, 12, tzinfo=UTC)),
    ("3am +01:00", datetime(2026, 11, 24, 3, 0, tzinfo=EAST)),
    ("today 03:12 UTC", datetime(2026, 11, 24, 3, 12, tzinfo=UTC)),
    ("yesterday 03:12:05.5 utc", datetime(2026, 11, 23, 3, 12, 5, 500_000, UTC)),
    ("Yesterday Z", datetime(2026, 11, 23, tzinfo=UTC)),
    ("tue 03:12 Z", datetime(2026, 11, 24, 3, 12, tzinfo=UTC)),
    ("Tuesday 13:00 Z", datetime(2026, 11, 17, 13, 0, tzinfo=UTC)),
    ("monday Z", datetime(2026, 11, 23, tzinfo=UTC)),
    ("Nov 24 03:12:00 Z", datetime(2026, 11, 24, 3, 12, tzinfo=UTC)),
    ("Nov 25 03:12:00 Z", datetime(2025, 11, 25, 3, 12, tzinfo=UTC)),
]


@pytest.mark.parametrize(("text", "meant"), CASES, ids=[text for text, _ in CASES])
def test_each_form_is_read(text: str, meant: datetime | timedelta) -> None:
    assert parse_time(text, NOW) == meant
    assert parse_time(f"  {text} ", NOW) == meant


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "soon", "12", "-5", "-5y", "+5m", "1.5", "1e3", "24:00", "12:60", "13pm", "0am", "٣", "today 5"),
        *("03/04/2026", "11/24/2026", "2026-13-01", "31 feb 2026", "2026-02-30", "24 Nov", "Nov", "feb 30"),
        *("03:12 Mars/Base", "03:12 America/Argentina", "03:12 +99:00", "@", "@1e9", "2501-01-01Z", "x" * 5_000),
    ],
)
def test_what_says_no_time_or_two_is_refused_and_the_forms_are_shown(text: str) -> None:
    with pytest.raises(BadPoint, match="is not an offset, a time") as caught:
        parse_time(text, NOW)
    assert len(str(caught.value)) < 300


@given(
    st.datetimes(datetime(1971, 1, 1), datetime(2499, 12, 30), timezones=st.just(UTC)).map(
        lambda it: it.replace(microsecond=0)
    )
)
def test_all_ways_to_write_a_moment_mean_that_moment(moment: datetime) -> None:
    for form in (
        *("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S UTC", "%Y/%m/%d %H:%M:%S +0000", "%d.%m.%Y %H:%M:%S z"),
        *(
            "%d %b %Y %H:%M:%S GMT",
            "%a, %d %b %Y %H:%M:%S +0000",
            "%a %b %d %H:%M:%S UTC %Y",
            "%B %d, %Y %I:%M:%S %p Z",
        ),
        "%d/%b/%Y:%H:%M:%S +0000",
    ):
        assert parse_time(moment.strftime(form), NOW) == moment, form


@given(st.integers(0, 2**63 // 1_000))
def test_each_microsecond_is_itself_in_nanoseconds(micros: int) -> None:
    assert nanoseconds(EPOCH + timedelta(microseconds=micros)) == micros * 1_000


@given(st.text(max_size=40) | st.from_regex(r"[a-z0-9 :/.+-]{0,40}", fullmatch=True))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(BadPoint):
        parse_point(text)
