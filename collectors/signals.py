"""SIGINT and SIGTERM, held back until somebody looks: no handler runs in the middle of anything."""

from __future__ import annotations

import signal
from types import TracebackType

ENDING = (signal.SIGINT, signal.SIGTERM)


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
        return signal.sigtimedwait(ENDING, max(0.0, seconds)) is not None
