"""What a process writes down while it lives, line by line."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

Row = Sequence[Any]
Place = tuple[str, int]


class Lines:
    """A file of lines of JSON that grows; of a line that is cut short by a kill nothing is taken.

    `place_of` tells the topic and offset of the record that a line is about, if it has one. `placed` counts these, and
    `ends` has the highest offset of each topic.
    """

    def __init__(self, path: Path, place_of: Callable[[Row], Place | None]) -> None:
        self.path = path
        self.rows: list[Row] = []
        self.placed = 0
        self.ends: dict[str, int] = {}
        self._place_of = place_of
        self._read = 0
        path.touch()

    def read(self) -> Lines:
        """Take in what is new."""
        with self.path.open("rb") as file:
            file.seek(self._read)
            lines, newline, _ = file.read().rpartition(b"\n")
        self._read += len(lines) + len(newline)
        for row in map(json.loads, lines.splitlines()):
            self.rows.append(row)
            place = self._place_of(row)
            if place is not None:
                self.placed += 1
                self.ends[place[0]] = max(place[1], self.ends.get(place[0], 0))
        return self

    def cut(self) -> None:
        """Take away the beginning of a line, so that another process can go on behind the last whole one."""
        lines, newline, _ = self.path.read_bytes().rpartition(b"\n")
        self.path.write_bytes(lines + newline)


def acknowledged(row: Row) -> Place | None:
    """Return where a producer was told that its record is."""
    topic, _, _, offset = row
    return None if offset is None else (topic, offset)


def heard(row: Row) -> Place | None:
    """Return where the record is that a reader heard."""
    return (row[1], row[2]) if row[0] == "record" else None
