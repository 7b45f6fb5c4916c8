"""What patterns choose, for commands that have nothing to do where that is nothing."""

from __future__ import annotations

from collections.abc import Sequence

from mq.cli.points import Point
from mq.client.ranges import Range, find_ranges
from mq.errors import MqError


def find(broker: str, patterns: Sequence[str], start: Point, stop: Point | None, timeout_s: float) -> list[Range]:
    """Return the ranges that there are, or raise `MqError` where there is none."""
    ranges = find_ranges(broker, patterns, start, stop, timeout_s=timeout_s)
    if not ranges:
        raise MqError(f"there are no records of {' or '.join(patterns)} in that time: nothing is written")
    return ranges
