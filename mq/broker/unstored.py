"""Says when the journal begins to refuse frames that nobody waits for, and when it takes them again: a line each."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

from mq.journal.interface import Run

QUIET_S = 5.0
"""How long nothing must be refused before that counts as over: one topic may be refused, and others not."""

_log = logging.getLogger(__name__)


class Unstored:
    """Hears of every turn, and speaks when something has changed."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._frames = 0
        self._last = 0.0

    def note(self, runs: Sequence[Run]) -> None:
        """Take what became of a turn's frames."""
        refused = [run for run in runs if run.error is not None]
        if refused:
            if not self._frames:
                _log.error("frames are not stored, and go out live only: %s", refused[0].error)
            self._frames += sum(len(run.checked) for run in refused)
            self._last = self._clock()
        elif self._frames and runs and self._clock() - self._last >= QUIET_S:
            _log.warning("frames are stored again; %d were not, they went out live only", self._frames)
            self._frames = 0
