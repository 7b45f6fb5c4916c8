"""Child processes that end with their parent, whatever ends it."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

PR_SET_PDEATHSIG = 1
END_S_MAX = 8.0
WATCHED = (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(slots=True)
class Children:
    """Started in order, ended in the opposite one. While it is entered, signals wait to be asked for with `wait`."""

    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __enter__(self) -> Children:
        signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)

    def start(self, name: str, command: Sequence[str], environ: Mapping[str, str], stdout: int | None = None) -> None:
        """Start a child in a session of its own, so that a Ctrl-C reaches us alone."""
        self.running[name] = subprocess.Popen(
            command,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - there is no other thread
        )

    def first_line(self, name: str, within_s: float) -> str | None:
        """Return the first line that a child prints on its piped output, None if it ends or stays silent."""
        stdout = self.running[name].stdout
        if stdout is None or not select.select([stdout], [], [], within_s)[0]:
            return None
        return stdout.readline().decode() or None

    def ended(self) -> tuple[str, int] | None:
        """Return a child that has ended, and its exit code."""
        for name, child in self.running.items():
            code = child.poll()
            if code is not None:
                return name, code
        return None

    def wait(self, within_s: float | None = None) -> int | None:
        """Wait for a signal (a child's end among them), and return it; None when none comes in time."""
        if within_s is None:
            return signal.sigwait(WATCHED)
        found = signal.sigtimedwait(WATCHED, within_s)
        return found.si_signo if found is not None else None

    def end(self) -> None:
        """Ask each to end, the last started first, and kill those that do not in time."""
        deadline = time.monotonic() + END_S_MAX
        for name in reversed(list(self.running)):
            child = self.running.pop(name)
            child.terminate()
            try:
                child.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                print(f"minimq: {name} does not end, killed", file=sys.stderr)  # noqa: T201 - the last words
                child.kill()
                child.wait()
            if child.stdout is not None:
                child.stdout.close()


def _die_with_parent() -> None:
    """Take signals as usual, and one when the parent is gone. Runs in the child, before its program."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() == 1:
        os._exit(1)
