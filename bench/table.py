"""The table, for the terminal and for the docs."""

from __future__ import annotations

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


def markdown(rows: Sequence[Row]) -> str:
    """Return the rows as a table that also reads well as text."""
    lines = [TITLES, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(TITLES))]
    shown = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    shown.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(shown)
