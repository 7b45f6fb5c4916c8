"""Standard output that nobody takes any more."""

from __future__ import annotations

import os
import select

STANDARD_OUTPUT = 1


def abandon_output() -> None:
    """Send to nowhere what could not be written, or it would be tried again at the exit, and end that with an error."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, STANDARD_OUTPUT)
    os.close(nowhere)


def nobody_reads() -> bool:
    """Whether standard output is a pipe or a socket whose other end is closed: nothing written would say so sooner."""
    poller = select.poll()
    poller.register(STANDARD_OUTPUT, 0)
    return any(happened & (select.POLLERR | select.POLLHUP) for _, happened in poller.poll(0))
