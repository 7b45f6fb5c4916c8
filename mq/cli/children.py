"""Child processes that end with their parent, whatever ends it."""

from __future__ import annotations

import ctypes
import logging
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from collectors.signals import signal_within

PR_SET_PDEATHSIG = 1
END_S_MAX = 8.0
KILLED_S_MAX = 1.0
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

log = logging.getLogger("minimq.up")


@dataclass(slots=True)
class Children:
    """Started in order, ended in the opposite one. While it is entered, signals wait to be asked for with `wait`."""

    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    watched: set[signal.Signals] = field(default_factory=set)

    def __enter__(self) -> Children:
        self.watched = {signal.SIGCHLD, *ENDING}
        if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
            self.watched.discard(signal.SIGHUP)  # nohup: we are to outlive the terminal
        signal.pthread_sigmask(signal.SIG_BLOCK, self.watched)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
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
        if name not in self.order:
            self.order.append(name)

    def has_spoken(self, name: str) -> bool:
        """Whether a child has printed a line on its piped output; it is to do so at one go."""
        stdout = self.running[name].stdout
        ready = stdout is not None and bool(select.select([stdout], [], [], 0)[0])
        return ready and stdout is not None and bool(stdout.readline())

    def ended(self) -> dict[str, int]:
        """Return the exit codes of those that have ended, until they are forgotten or started again."""
        codes = {name: child.poll() for name, child in self.running.items()}
        return {name: code for name, code in codes.items() if code is not None}

    def forget(self, name: str) -> None:
        """Let go of what is left of a child that has ended."""
        child = self.running.pop(name)
        if child.stdout is not None:
            child.stdout.close()

    def wait_until(self, condition: Callable[[], bool], look_every_s: float) -> signal.Signals | None:
        """Return None once the condition holds, or the signal that came before; SIGCHLD is the end of a child."""
        while not condition():
            found = self.wait(look_every_s)
            if found is not None:
                return found
            if self.ended():
                return signal.SIGCHLD
        return None

    def wait(self, seconds: float | None) -> signal.Signals | None:
        """Return the signal that is to end everything; None when a child may have ended, or the time is over."""
        if seconds is None:
            number: signal.Signals | None = signal.Signals(signal.sigwaitinfo(self.watched).si_signo)
        else:
            number = signal_within(self.watched, seconds)
        return None if number is signal.SIGCHLD else number

    def end(self) -> None:
        """Ask all to end, the last started first, and kill those that do not in their share of the time."""
        deadline = time.monotonic() + END_S_MAX
        for name in reversed(self.order):
            if name in self.running:
                _end(name, self.running[name], (deadline - time.monotonic()) / len(self.running))
                self.forget(name)


def _end(name: str, child: subprocess.Popen[bytes], seconds_max: float) -> None:
    child.terminate()
    child.send_signal(signal.SIGCONT)  # one that is stopped would hear nothing else
    try:
        child.wait(seconds_max)
    except subprocess.TimeoutExpired:
        log.warning("%s does not end, killed", name)
        child.kill()
        with suppress(subprocess.TimeoutExpired):  # the kernel itself may hold on to it, over a disk that hangs
            child.wait(KILLED_S_MAX)


def _dying_with(parent: int) -> Callable[[], None]:
    """Return what a child does before its program: take signals as usual, and one when the parent is gone."""
    prctl = ctypes.CDLL(None).prctl

    def prepare() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)

    return prepare
