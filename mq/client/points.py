"""Points in a topic, as people write them: an offset, a time, or so long ago. Nothing here asks anybody.

A time without a zone is local. What could mean two days (03/04/2026) is refused rather than guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mq.errors import BadPoint

Point = int | datetime | timedelta

TEXT_CHARACTERS_MAX = 64
_OFFSET = re.compile(r"\d{1,19}", re.ASCII)  # of 64 bits, the last of which no offset needs
_TIME_MAX = datetime(2500, 1, 1, tzinfo=UTC)  # 64 bits hold nanoseconds for a little longer
_SINCE_1970 = re.compile(r"@(\d{1,11}(?:\.\d{1,9})?)", re.ASCII)

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_STEP = r"(\d{1,9}(?:\.\d{1,9})?) ?(s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?)"
_ONE_STEP = re.compile(_STEP, re.ASCII)
_AGO = re.compile(rf"-(?P<dashed>{_STEP}(?: ?{_STEP})*)|(?P<worded>{_STEP}(?: ?{_STEP})*) ago", re.ASCII)

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MONTH = r"(?P<name>(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6})"
_WEEKDAY = r"(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6}"
_DATES = (
    r"(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})",
    r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4})",
    rf"(?P<day>\d{{1,2}})[ /-]{_MONTH}\.?,?[ /-](?P<year>\d{{4}})",
    rf"{_MONTH}\.? (?P<day>\d{{1,2}}),?(?: (?P<year>\d{{4}}))?",
    rf"(?P<word>today|yesterday|{_WEEKDAY})",
)
_ZONE = r"(?P<zone>z|utc|gmt|[+-]\d{2}:?\d{2}|[a-z]+/[a-z_/+-]+)"
_SECONDS = r"(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
_CLOCK = rf"(?P<hour>\d{{1,2}})(?::(?P<minute>\d{{2}}){_SECONDS})?(?: ?(?P<half>[ap]m))?"
_FORMS = tuple(
    re.compile(rf"(?:{_WEEKDAY},? )?{form}(?:(?:t|, ?| |:){_CLOCK})?(?: ?{_ZONE})?", re.ASCII) for form in _DATES
)
_CLOCK_ALONE = re.compile(rf"{_CLOCK}(?: ?{_ZONE})?", re.ASCII)
_YEAR_LAST = re.compile(rf"(?:{_WEEKDAY} )?([a-z]{{3,9}} +\d{{1,2}}) ([\d:]+(?: [a-z]+)?) (\d{{4}})", re.ASCII)

Parts = dict[str, str | None]


def parse_point(text: str) -> Point:
    """Read an offset, or what `parse_time` reads. Raises `BadPoint`."""
    return int(text) if _OFFSET.fullmatch(text) else parse_time(text)


def parse_time(text: str, now: datetime | None = None) -> datetime | timedelta:
    """Read a time, or a time back from now. Raises `BadPoint`.

    ``-15m``, ``-1h30m``, ``2 hours ago``, ``now``; ``03:12``, ``3:12pm`` (the last there was), ``yesterday 03:12``,
    ``mon 03:12``; ISO 8601; ``24.11.2026 03:12``, ``24 Nov 2026``, ``Nov 24 03:12:00``, what date(1), logs and mails
    say; ``@1795489200`` (seconds since 1970). ``now`` is for tests.
    """
    try:
        found = _read(text.strip(), now or datetime.now().astimezone())
    except (ValueError, OverflowError, ZoneInfoNotFoundError, OSError):  # the last of a zone that is a directory
        raise BadPoint(text) from None
    if found is None or (isinstance(found, datetime) and found > _TIME_MAX):
        raise BadPoint(text)
    return found


def _read(text: str, now: datetime) -> datetime | timedelta | None:
    if not text.isascii() or len(text) > TEXT_CHARACTERS_MAX:
        return None
    try:
        if not text.isdecimal():  # so many digits are an offset, or nothing
            return datetime.fromisoformat(text).astimezone()
    except ValueError:
        pass
    plain = " ".join(text.lower().split())
    if plain == "now":
        return timedelta(0)
    if ago := _AGO.fullmatch(plain):
        return _span(ago["dashed"] or ago["worded"])
    if seconds := _SINCE_1970.fullmatch(plain):
        return datetime.fromtimestamp(float(seconds[1]), UTC)
    return _calendar(plain, now)


def _span(steps: str) -> timedelta:
    return sum((timedelta(**{_UNITS[unit[0]]: float(count)}) for count, unit in _ONE_STEP.findall(steps)), timedelta(0))


def _calendar(plain: str, now: datetime) -> datetime | None:
    if turned := _YEAR_LAST.fullmatch(plain):
        plain = f"{turned[1]} {turned[3]} {turned[2]}"
    for form in _FORMS:
        if found := form.fullmatch(plain):
            return _on_a_day(found.groupdict(), now)
    if (found := _CLOCK_ALONE.fullmatch(plain)) and (found["minute"] or found["half"]):
        return _last(_days_back(now), found.groupdict(), now)
    return None


def _on_a_day(parts: Parts, now: datetime) -> datetime | None:
    word, name = parts.get("word"), parts.get("name")
    if parts["hour"] and not (parts["minute"] or parts["half"]):
        return None  # a number alone is no time of day
    if word in ("today", "yesterday"):
        return _at(now.date() - timedelta(days=word == "yesterday"), parts)
    if word:
        weekday = _DAYS.index(word[:3])
        return _last((day for day in _days_back(now) if day.weekday() == weekday), parts, now)
    month = _MONTHS.index(name[:3]) + 1 if name else int(parts["month"] or 0)
    day = int(parts["day"] or 0)
    if parts["year"]:
        return _at(date(int(parts["year"]), month, day), parts)
    return _last((date(now.year - back, month, day) for back in (0, 1)), parts, now)


def _days_back(now: datetime) -> Iterator[date]:
    """Yield tomorrow, which it may be already in another zone, and the days of more than a week before it."""
    return (now.date() + timedelta(days=1 - back) for back in range(10))


def _last(days: Iterator[date], parts: Parts, now: datetime) -> datetime | None:
    """Return the last of these times that is not to come."""
    return next((moment for day in days if (moment := _at(day, parts)) <= now), None)


def _at(day: date, parts: Parts) -> datetime:
    hour, half = int(parts["hour"] or 0), parts["half"]
    if half and not 1 <= hour <= 12:  # noqa: PLR2004 - hours on a clock's face
        raise ValueError(hour)
    hour = hour % 12 + 12 * (half == "pm") if half else hour
    micros = int((parts["fraction"] or "").ljust(6, "0")[:6])
    zone = _zone(parts["zone"])
    moment = datetime(
        day.year, day.month, day.day, hour, int(parts["minute"] or 0), int(parts["second"] or 0), micros, zone
    )
    return moment if zone is not None else moment.astimezone()


def _zone(text: str | None) -> tzinfo | None:
    if text is None:
        return None
    if text in ("z", "utc", "gmt"):
        return UTC
    if text[0] in "+-":
        minutes = int(text[1:3]) * 60 + int(text[-2:])
        return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))
    return ZoneInfo("/".join(part.title() for part in text.split("/")))
