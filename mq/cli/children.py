"""Child processes that end with their parent, whatever ends it."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

PR_SET_PDEATHSIG = 1
END_S_MAX = 8.0
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(slots=True)
class Children:
    """Started in order, ended in the opposite one. While it is entered, signals wait to be asked for with `wait`."""

    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    watched: set[signal.Signals] = field(default_factory=set)

    def __enter__(self) -> Children:
        self.watched = {signal.SIGCHLD, *ENDING}
        if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
            self.watched.discard(signal.SIGHUP)  # nohup: we are to outlive the terminal
        signal.pthread_sigmask(signal.SIG_BLOCK, self.watched)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)  # a shell's background job is started with SIGINT ignored
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        while signal.sigtimedwait(self.watched, 0) is not None:
            pass  # a second Ctrl-C asks for nothing that has not been done
        signal.pthread_sigmask(signal.SIG_UNBLOCK, self.watched)

    def start(self, name: str, command: Sequence[str], environ: Mapping[str, str], stdout: int | None = None) -> None:
        """Start a child in a session of its own, so that a Ctrl-C reaches us alone."""
        self.running[name] = subprocess.Popen(
            command,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            start_new_session=True,
            preexec_fn=_dying_with(os.getpid()),  # noqa: PLW1509 - there is no other thread
        )

    def has_spoken(self, name: str) -> bool:
        """Whether a child has printed a line on its piped output; it is to do so at one go."""
        stdout = self.running[name].stdout
        ready = stdout is not None and bool(select.select([stdout], [], [], 0)[0])
        return ready and stdout is not None and bool(stdout.readline())

    def ended(self) -> tuple[str, int] | None:
        """Return a child that has ended, and its exit code."""
        for name, child in self.running.items():
            code = child.poll()
            if code is not None:
                return name, code
        return None

    def wait_until(self, condition: Callable[[], bool], look_every_s: float) -> signal.Signals | None:
        """Return None once the condition holds, or the signal that came before; SIGCHLD is the end of a child."""
        while not condition():
            found = signal.sigtimedwait(self.watched, look_every_s)
            if found is not None and self._matters(found.si_signo):
                return signal.Signals(found.si_signo)
        return None

    def wait(self) -> signal.Signals:
        """Return the signal that ends everything; SIGCHLD is the end of a child."""
        while True:
            number = signal.sigwait(self.watched)
            if self._matters(number):
                return signal.Signals(number)

    def _matters(self, number: int) -> bool:
        return number != signal.SIGCHLD or self.ended() is not None

    def end(self) -> None:
        """Ask all to end, the last started first, and kill those that do not in time."""
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


def _dying_with(parent: int) -> Callable[[], None]:
    """Return what a child does before its program: take signals as usual, and one when the parent is gone."""
    prctl = ctypes.CDLL(None).prctl

    def prepare() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)

    return prepare
