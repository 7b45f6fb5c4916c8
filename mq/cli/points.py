"""Points in a topic, as a person types them: an offset, a time, or so long ago."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import typer

Point = int | datetime | timedelta

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_OFFSET = re.compile(r"\d{1,19}", re.ASCII)  # of 64 bits, the last of which no offset needs
_AGO = re.compile(r"-(\d{1,9}(?:\.\d{1,9})?)([smhdw])", re.ASCII)
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?", re.ASCII)
_TIME_MAX = datetime(2500, 1, 1, tzinfo=UTC)  # 64 bits hold nanoseconds for a little longer
HELP = "an offset, a time (2026-11-24T03:12, 03:12) or so long ago (-15m)"


def parse_point(text: str, option: str) -> Point:
    """Read an offset, ``-15m``, ``03:12`` (the last there was) or an ISO 8601 time, local unless it says otherwise."""
    if _OFFSET.fullmatch(text):
        return int(text)
    try:
        if ago := _AGO.fullmatch(text):
            return timedelta(**{_UNITS[ago[2]]: float(ago[1])})
        if clock := _CLOCK.fullmatch(text):
            return _last_at(int(clock[1]), int(clock[2]), int(clock[3] or 0))
        moment = datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise _bad(text, option) from None
    if moment > _TIME_MAX:
        raise _bad(text, option)
    return moment


def _last_at(hour: int, minute: int, second: int) -> datetime:
    """Return the last time at which the clock on the wall showed this."""
    today = datetime.now().replace(hour=hour, minute=minute, second=second, microsecond=0)
    if today.astimezone() > datetime.now().astimezone():
        today -= timedelta(days=1)
    return today.astimezone()


def _bad(text: str, option: str) -> typer.BadParameter:
    return typer.BadParameter(f"{text!r} is not {HELP}", param_hint=f"'{option}'")
