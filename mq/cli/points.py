"""Points in a topic, as options say them."""

from __future__ import annotations

from datetime import datetime, timedelta

import typer

from mq.errors import BadPoint

Point = int | datetime | timedelta

HELP = BadPoint.FORMS


def parse_point(text: str, option: str) -> Point:
    """Read an offset, a time or so long ago; what is none is an error about the option."""
    from mq.client import points

    try:
        return points.parse_point(text)
    except BadPoint as error:
        raise _bad(error, option) from None


def parse_time(text: str, option: str) -> datetime | timedelta:
    """Read the same without offsets: what is said of many topics at once."""
    from mq.client import points

    try:
        return points.parse_time(text)
    except BadPoint as error:
        raise _bad(error, option) from None


def time_range(start: str | None, stop: str | None) -> tuple[Point, Point | None]:
    """Read --from and --to; without them it is all that there is."""
    begin: Point = parse_time(start, "--from") if start is not None else 0
    return begin, parse_time(stop, "--to") if stop is not None else None


def _bad(error: BadPoint, option: str) -> typer.BadParameter:
    return typer.BadParameter(str(error), param_hint=f"'{option}'")
