"""Standard output that nobody takes any more."""

from __future__ import annotations

import os

STANDARD_OUTPUT = 1


def abandon_output() -> None:
    """Send to nowhere what could not be written, or it would be tried again at the exit, and end that with an error."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, STANDARD_OUTPUT)
    os.close(nowhere)
