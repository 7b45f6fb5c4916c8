"""What a broker counts. Each name is counted by one thread and read by any."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from mq.histogram import Histogram

INGEST, CONTROL = "ingest", "control"
BUSY = ("memory", "disk", "rate", "repeat", "requests", "changes")
"""Why somebody is told `busy`: what `docs/flow.md` says is short, or what it would repeat is not stored."""


class Counters:
    """Numbers that only grow since the broker's start, and where to read those that do not.

    `refused` counts frames by port and kind, `connections` what became of them, by port and event; `live_overflows`
    the turns in which a subscriber's queue was full, so that it missed frames; `busy` answers, by what was short.

    `gauges` are asked for what is so now, `queues` for how many wait there; any thread may ask.
    """

    def __init__(self, sync_seconds: Histogram | None = None) -> None:
        self.sync_seconds = sync_seconds or Histogram()
        self.gauges: dict[str, Callable[[], int]] = {}
        self.queues: dict[str, Callable[[], int]] = {}
        self.frames_received = 0
        self.records_appended = 0
        self.bytes_appended = 0
        self.frames_forwarded = 0
        self.bytes_forwarded = 0
        self.frames_unstored = 0
        self.frames_repeated = 0
        self.records_synced = 0
        self.bytes_synced = 0
        self.records_missed = 0
        self.records_late = 0
        self.records_duplicate = 0
        self.host_samples_left_out = 0
        self.syncs = 0
        self.requests = 0
        self.requests_refused = 0
        self.replies_dropped = 0
        self.live_overflows = 0
        self.refused: Counter[tuple[str, str]] = Counter()
        self.connections: Counter[tuple[str, str]] = Counter()
        self.busy: Counter[str] = Counter(dict.fromkeys(BUSY, 0))

    def refuse(self, port: str, kind: str) -> None:
        """Count a frame that was not taken."""
        self.refused[port, kind] += 1

    def plain(self) -> Mapping[str, int]:
        """Return the counters that are one number each, by name."""
        return {name: it for name, it in vars(self).items() if isinstance(it, int)}

    def counted(self) -> dict[str, object]:
        """Return the numbers that only grow, as they travel in a message."""
        by_port = {"refused": _by_port(self.refused), "connections": _by_port(self.connections)}
        return {**self.plain(), **by_port, "busy": dict(self.busy)}

    def gauged(self) -> dict[str, int]:
        """Return what is so now, by name."""
        return {name: ask() for name, ask in self.gauges.items()}

    def as_map(self) -> dict[str, object]:
        """Return all there is, as it travels in a message."""
        return {
            **self.counted(),
            "gauges": self.gauged(),
            "queues": {name: ask() for name, ask in self.queues.items()},
            "sync_seconds": self.sync_seconds.as_map(),
        }


def _by_port(counted: Counter[tuple[str, str]]) -> dict[str, dict[str, int]]:
    rows: dict[str, dict[str, int]] = {}
    for (port, kind), number in list(counted.items()):
        rows.setdefault(port, {})[kind] = number
    return rows
