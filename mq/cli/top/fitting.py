"""What fits on a screen, and what is left out. Decides only."""

from __future__ import annotations

from collections.abc import Sequence

HEAD = 1


def rows_that_fit(room: int, wanted: Sequence[int], gap: int) -> list[int]:
    """Return how many rows each section gets, 0 for one that is left out; `room` is in lines.

    A section costs a head, and `gap` lines before it. The first ones matter most: each gets a row as long as there is
    room, and what is left is shared out evenly.
    """
    given = [0] * len(wanted)
    for place, rows in enumerate(wanted):
        if rows and room >= gap + HEAD + 1:
            given[place] = 1
            room -= gap + HEAD + 1
    while room > 0 and (hungry := [place for place, rows in enumerate(given) if 0 < rows < wanted[place]]):
        place = min(hungry, key=lambda each: given[each])
        given[place] += 1
        room -= 1
    return given


def columns_that_fit(width: int, name_min: int, widths: Sequence[int], gap: int) -> int:
    """Return how many columns fit beside a name of that least width; those that come first matter most."""
    left = width - name_min
    for place, each in enumerate(widths):
        left -= gap + each
        if left < 0:
            return place
    return len(widths)


def parts_that_fit(width: int, parts: Sequence[str], between: str) -> str:
    """Return the parts joined, without the last ones that do not fit; the first always stands."""
    line = parts[0] if parts else ""
    for part in parts[1:]:
        if len(line) + len(between) + len(part) > width:
            break
        line += between + part
    return line
