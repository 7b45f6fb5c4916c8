"""Times in the forms in which people and programs write them, as ns since the Unix epoch."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from mq.client.replay import LATEST_NS, nanoseconds
from mq.errors import MqError

SECOND_NS = 1_000_000_000
_AGO = re.compile(r"-(\d{1,6})([smhdw])", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_WHOLE = re.compile(r"\d{1,20}", re.ASCII)
_FRACTION = re.compile(r"(\d{9,10})\.(\d{1,9})", re.ASCII)
_SCALES = ((10**11, SECOND_NS), (10**14, 10**6), (10**17, 10**3))
_YEAR_FIRST = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_ONE_FORM = "2026-11-24T03:12:00Z, seconds or more digits since 1970 (1795489920), or so long ago (-15m)"


class BadTime(MqError, ValueError):
    """What is no time."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(f"{text[:60]!r} is no time: write it as {_ONE_FORM}")


def moment_of(text: str) -> int:
    """Read ISO 8601 (UTC unless it says otherwise), HTTP's form, Unix time in s, ms, µs or ns, or ``-15m``.

    Raises `BadTime`. A blank is taken for the plus that it was in a query.
    """
    try:
        if _WHOLE.fullmatch(text):
            return _scaled(int(text))
        if fraction := _FRACTION.fullmatch(text):
            return int(fraction[1]) * SECOND_NS + int(fraction[2].ljust(9, "0"))
        if ago := _AGO.fullmatch(text):
            return nanoseconds(timedelta(**{_UNITS[ago[2]]: int(ago[1])}))
        if _YEAR_FIRST.match(text):
            return nanoseconds(_utc(_iso(text)))
        return nanoseconds(_utc(parsedate_to_datetime(text)))
    except (ValueError, OverflowError, TypeError, IndexError):
        raise BadTime(text) from None


def _iso(text: str) -> datetime:
    """Read ISO 8601, RFC 3339's small letters, blanks and leap seconds among it."""
    head, tail = text[:19].replace("t", "T"), text[19:].replace("z", "Z").replace(" ", "+")
    leap = head.endswith(":60")
    moment = datetime.fromisoformat((f"{head[:-2]}59" if leap else head) + tail)
    return moment + timedelta(seconds=1) if leap else moment


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _scaled(number: int) -> int:
    """Return ns: how many digits there are tells the unit, as all of them mean times after 1973."""
    scale = next((scale for below, scale in _SCALES if number < below), 1)
    if number > LATEST_NS:
        raise ValueError("no clock says that")
    return min(number * scale, LATEST_NS)
