"""What a process writes down while it lives, line by line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


class Lines:
    """A file of lines of JSON that grows; of a line that is cut short by a kill nothing is taken."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._rows: list[Any] = []
        self._read = 0
        path.touch()

    @property
    def rows(self) -> list[Any]:
        """All lines that there are by now."""
        with self.path.open("rb") as file:
            file.seek(self._read)
            lines, _, rest = file.read().rpartition(b"\n")
            self._read = file.tell() - len(rest)
        self._rows += map(json.loads, lines.splitlines())
        return self._rows

    def cut(self) -> None:
        """Take away the beginning of a line, so that another process can go on behind the last whole one."""
        whole = self.path.read_bytes().rpartition(b"\n")
        self.path.write_bytes(whole[0] + whole[1])
