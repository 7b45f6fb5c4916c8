"""The table, for the terminal and for the docs."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import NamedTuple

TITLES = ("what", "measured", "held against, in the same run", "ratio", "target")


class Row(NamedTuple):
    """One line of the table."""

    what: str
    measured: str
    beside: str
    ratio: str
    target: str


def rates(
    what: str,
    ours: Sequence[float],
    beside: str,
    theirs: Sequence[float],
    least: float | None = None,
    unit: str = "records/s",
) -> Row:
    """Return the row of two rates, each measured in several rounds."""
    target = f"at least {least:g}" if least else "(no target)"
    return _row(what, ours, beside, theirs, unit, target)


def times(
    what: str, ours: Sequence[float], beside: str, theirs: Sequence[float], most: float | None = None, unit: str = "µs"
) -> Row:
    """Return the row of two times, each measured in several rounds."""
    target = f"at most {most:g}" if most else "(no target)"
    return _row(what, ours, beside, theirs, unit, target)


def _row(what: str, ours: Sequence[float], beside: str, theirs: Sequence[float], unit: str, target: str) -> Row:
    """Compare round by round: what else the machine does changes from one to the next."""
    mine, yard = statistics.median(ours), statistics.median(theirs)
    ratio = statistics.median(one / other for one, other in zip(ours, theirs, strict=True))
    return Row(what, f"{mine:,.0f} {unit}", f"{beside}: {yard:,.0f} {unit}", f"{ratio:.2f}", target)


def markdown(rows: Sequence[Row]) -> str:
    """Return the rows as a table that also reads well as text."""
    lines = [TITLES, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(TITLES))]
    shown = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    shown.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(shown)
