"""Room on the journal's disk: while there is too little of it, producers' frames are kept out before it is full.

A full disk is worse than one that is nearly full: what the broker itself has to write then, and others who share the
disk, find nothing. So below a mark frames that want an acknowledgement are told `busy`, and their producers try again;
pushed ones go out live, unstored. A quarter above the mark all is as before, so that it does not go to and fro.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

from mq.errors import AppendFailed
from mq.frame import Checked
from mq.journal.interface import Journal, Run

LOOK_S = 1.0

_log = logging.getLogger(__name__)


class Room:
    """What producers' frames are appended through. Used by the journaling thread alone, but for `low` and `free`."""

    def __init__(self, journal: Journal, free_bytes_min: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._journal = journal
        self._least = free_bytes_min
        self._clock = clock
        self._looks_at = 0.0
        self._left = 0
        self._blind = False
        self.low = False
        self.free = 0
        self._look()

    @property
    def why(self) -> str:
        """What is said to whoever is kept out."""
        return f"the disk has {self.free:,} bytes free, and disk_free_bytes_min is {self._least:,}: delete something"

    def append(self, frames: Sequence[Checked]) -> list[Run]:
        """Append as the journal does, or keep all frames out."""
        if self.low and self._journal.failure is None:
            return _kept_out(frames, AppendFailed("busy", self.why))
        runs = self._journal.append(frames)
        self._left -= sum(run.size for run in runs)
        if self._left < 0 and self._least:
            self._look()
        return runs

    def look(self) -> None:
        """See how much is free, if that was long ago. To be called after a sync."""
        if self._least and self._clock() >= self._looks_at:
            self._look()

    def _look(self) -> None:
        self._looks_at = self._clock() + LOOK_S
        try:
            self.free = self._journal.free_bytes()
        except OSError as error:
            if not self._blind:
                _log.warning("how much is free cannot be seen: %s: %s", error.filename, error.strerror)
            self._blind = True
            return
        self._blind = False
        self._left = self.free - self._least
        was_low, self.low = self.low, self.free < self._least + (self._least // 4 if self.low else 0)
        if self.low and not was_low:
            _log.error("producers are told busy, and what is pushed goes out live only: %s", self.why)
        elif was_low and not self.low:
            _log.warning("the disk has %s bytes free: frames are stored again", f"{self.free:,}")


def _kept_out(frames: Sequence[Checked], error: AppendFailed) -> list[Run]:
    groups: dict[bytes, list[Checked]] = {}
    for frame in frames:
        groups.setdefault(frame[0], []).append(frame)
    return [Run(topic, group, error=error) for topic, group in groups.items()]
