"""A program on a pseudo-terminal: what it shows is waited for, and keys are pressed."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

SHOWN_S_MAX = 30.0
READ_BYTES = 1 << 16


class Terminal:
    """A program, and all that it has shown so far."""

    def __init__(self, arguments: Sequence[str], environ: Mapping[str, str], directory: Path) -> None:
        self._ours, theirs = pty.openpty()
        self.shown = ""
        self.process = subprocess.Popen(
            arguments,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=dict(environ),
            cwd=directory,
            start_new_session=True,
        )
        os.close(theirs)

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._ours, keys.encode())

    def wait_for(self, text: str) -> None:
        """Wait until a text has been shown."""
        self._read(lambda: text in self.shown)

    def ended(self) -> int:
        """Return the exit code, once it is there, and all has been shown."""
        self._read(lambda: False)
        return self.process.wait(SHOWN_S_MAX)

    def close(self) -> None:
        """End the program, if it still runs."""
        self.process.kill()
        self.process.wait()
        os.close(self._ours)

    def _read(self, enough: Callable[[], bool]) -> None:
        """Take in what is shown until it is enough, or the program has ended."""
        deadline = time.monotonic() + SHOWN_S_MAX
        while not enough():
            ready, _, _ = select.select([self._ours], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"not in {SHOWN_S_MAX:.0f} s: {self.shown!r}"
            try:
                self.shown += os.read(self._ours, READ_BYTES).decode("utf-8", "replace")
            except OSError:  # nobody has the other end any more
                return


@contextmanager
def terminal(arguments: Sequence[str], environ: Mapping[str, str], directory: Path) -> Iterator[Terminal]:
    """Run a program on a terminal, for as long as the block lasts."""
    found = Terminal(arguments, environ, directory)
    try:
        yield found
    finally:
        found.close()
