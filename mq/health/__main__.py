"""``python -m mq.health``: a container's health check. One line says what is wrong, and the exit code is 1."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping

from mq.health.check import troubles
from mq.health.note import VARIABLE, read


def said_of(environ: Mapping[str, str]) -> list[str]:
    """Return what is wrong with the program whose note the environment names."""
    path = environ.get(VARIABLE)
    if not path:
        return [f"{VARIABLE} names no file in which a program says how it fares"]
    try:
        note = read(path)
    except OSError as error:
        return [f"no program has said yet how it fares ({path}: {error.strerror}): it starts, or cannot; see its log"]
    return list(troubles(note, time.monotonic()))


def main() -> int:
    """Say it."""
    wrong = said_of(os.environ)
    sys.stdout.write("; ".join(wrong or ["all is well"]) + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
