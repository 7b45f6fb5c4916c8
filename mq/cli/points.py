"""Points in a topic, as a person types them: an offset, a time, or so long ago."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import typer

Point = int | datetime | timedelta

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGO = re.compile(r"-(\d+(?:\.\d+)?)([smhdw])")
_CLOCK = re.compile(r"\d{1,2}:\d{2}(:\d{2})?")
HELP = "an offset, a time (2026-11-24T03:12, 03:12) or so long ago (-15m)"


def parse_point(text: str) -> Point:
    """Read an offset, ``-15m``, ``03:12`` (the last there was) or an ISO 8601 time, local unless it says otherwise."""
    if text.isascii() and text.isdigit():
        return int(text)
    if ago := _AGO.fullmatch(text):
        return timedelta(**{_UNITS[ago[2]]: float(ago[1])})
    try:
        if _CLOCK.fullmatch(text):
            return _last_at(text)
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{text!r} is not {HELP}") from None


def _last_at(clock: str) -> datetime:
    now = datetime.now(UTC).astimezone()
    hours, minutes, *seconds = (int(part) for part in clock.split(":"))
    today = now.replace(hour=hours, minute=minutes, second=seconds[0] if seconds else 0, microsecond=0)
    return today if today <= now else today - timedelta(days=1)
