"""What a program says that has others to look after: nobody there to read it is no reason to end, nor to wait."""

from __future__ import annotations

import os
import select
from contextlib import suppress

STANDARD_OUTPUT, STANDARD_ERROR = 1, 2


def say(text: str) -> None:
    """Print a line."""
    write(STANDARD_OUTPUT, text)


def write(descriptor: int, text: str) -> bool:
    """Write a line at once or not at all: a pipe that nobody empties would hold us where no signal reaches us."""
    with suppress(OSError, ValueError):
        if select.select([], [descriptor], [], 0)[1]:
            line = f"{text}\n".encode(errors="backslashreplace")
            return os.write(descriptor, line) == len(line)
    return False
