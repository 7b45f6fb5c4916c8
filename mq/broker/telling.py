"""The broker's figures as records of its own topic `_mq/stats`, for whoever wants to hear them, or to look back.

They are appended like any record, and go out with their offset. While the journal takes nothing they go out unstored.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgpack

from mq.broker.consumer_log import own_frame
from mq.broker.counters import Counters
from mq.frame import stamp_unstored
from mq.journal.interface import Journal

TOPIC = "_mq/stats"
SLACK_S = 0.2
"""A record may come so much early: it is written beside a sync, and these do not wait for it."""
RATES = ("frames_received", "records_appended", "bytes_appended", "frames_forwarded")


class Telling:
    """Used by the thread that appends. No interval is never."""

    def __init__(
        self,
        journal: Journal,
        counters: Counters,
        interval_s: float,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], int] = time.time_ns,
    ) -> None:
        self._journal = journal
        self._counters = counters
        self._interval_s = interval_s
        self._clock, self._wall = clock, wall
        self._began = self._told_at = clock()
        self._before = counters.plain()

    def tell(self) -> list[bytes]:
        """Return what is to be published now: a record, or nothing when none is due."""
        now = self._clock()
        if not self._interval_s or now - self._told_at < self._interval_s - SLACK_S:
            return []
        body = msgpack.packb(self._figures(now))
        self._told_at, self._before = now, self._counters.plain()
        frame = own_frame(TOPIC, [body], self._wall())
        (run,) = self._journal.append([frame])
        return list(run.frames) if run.error is None else [stamp_unstored(frame, self._wall())]

    def _figures(self, now: float) -> dict[str, Any]:
        seconds = max(now - self._told_at, 1e-3)
        counted = self._counters.plain()
        rates = {f"{name}_s": round((counted[name] - self._before[name]) / seconds, 1) for name in RATES}
        facts = {"time": self._wall(), "epoch": self._journal.epoch, "uptime_s": round(now - self._began, 1)}
        return {**facts, **self._counters.counted(), **rates, **self._counters.gauged()}
