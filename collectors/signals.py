"""SIGINT and SIGTERM, held back until somebody looks: no handler runs in the middle of anything."""

from __future__ import annotations

import signal
from collections.abc import Collection
from types import TracebackType

ENDING = (signal.SIGINT, signal.SIGTERM)
ALARM_S_MIN = 0.001


class Ending:
    """While it is entered, the signals that end a program wait for `within`."""

    def __enter__(self) -> Ending:
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while signal.sigtimedwait(ENDING, 0) is not None:
            pass  # asked for twice, done once
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)

    def within(self, seconds: float) -> bool:
        """Wait for up to so many seconds; return whether it is time to end."""
        return signal_within(ENDING, seconds) is not None


def signal_within(watched: Collection[signal.Signals], seconds: float) -> signal.Signals | None:
    """Return the first of some blocked signals, None when none comes within so many seconds.

    CPython's own wait with a time limit names a signal that never was when the process is stopped meanwhile, and
    continued behind its time. So an alarm ends a wait without a limit.
    """
    if seconds <= 0:
        found = signal.sigtimedwait(watched, 0)
        return signal.Signals(found.si_signo) if found is not None else None
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
    signal.setitimer(signal.ITIMER_REAL, max(seconds, ALARM_S_MIN))
    number = signal.Signals(signal.sigwaitinfo({*watched, signal.SIGALRM}).si_signo)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.sigtimedwait({signal.SIGALRM}, 0)  # one that was about to be heard
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return None if number is signal.SIGALRM else number
