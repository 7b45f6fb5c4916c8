"""The page of one session: the plot, and the sentences beside it.

Sentences travel as the fields of one model. The page's script puts them into its elements as text, never as HTML, and
adds times of day, which only the browser can tell in its own zone.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from bokeh.core.properties import Float, Nullable, String
from bokeh.document import Document
from bokeh.model import DataModel, Model
from bokeh.models import CustomJS

from viewer.feed import Feed, Snapshot
from viewer.plots import MS_NS, CpuPlot
from viewer.samples import SECOND_NS, Sample, silence_ns


class Status(DataModel):
    """What the page says in words. Times are milliseconds since the Unix epoch."""

    node = String()
    source = String()
    state = String()
    label = String()
    message = String()
    message_time = Nullable(Float)
    value = String()
    value_time = Nullable(Float)
    detail = String()
    notes = String()


def describe(snapshot: Snapshot, topic: str, broker: str, now: int) -> dict[str, Any]:
    """Return what is to be said at this moment, as fields of `Status`."""
    state, label, message = _state(snapshot, topic, broker, now)
    last = snapshot.samples[-1] if snapshot.samples else None
    return {
        "state": state,
        "label": label,
        "message": message,
        "message_time": last.time / MS_NS if last and state == "silent" else None,
        "value": f"{last.value:.1f}" if last else "—",
        "value_time": last.time / MS_NS if last else None,
        "detail": _detail(last) if last else "",
        "notes": _notes(snapshot),
    }


def _state(snapshot: Snapshot, topic: str, broker: str, now: int) -> tuple[str, str, str]:
    samples = snapshot.samples
    if snapshot.fault:
        return "away", "Trouble", f"The samples cannot be read: {snapshot.fault}"
    if not snapshot.connected:
        return "away", "No broker", f"No broker answers at {broker}; trying again. Start one with: minimq up"
    if not samples:
        return "waiting", "Waiting", f"Nothing on {topic} yet. Start a collector with: minimq collect cpu"
    if now - samples[-1].time > silence_ns(samples):
        return "silent", "Silent", "The collector has been silent: no good sample since"
    return "live", "Live", ""


def _detail(sample: Sample) -> str:
    cores = f"{sample.cores} core{'s' * (sample.cores != 1)}" if sample.cores else ""
    load = "load " + " ".join(f"{each:.2f}" for each in sample.load) if sample.load else ""
    return " · ".join(filter(None, (cores, load)))


def _notes(snapshot: Snapshot) -> str:
    total = sum(snapshot.skipped.values())
    kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(snapshot.skipped.items()))
    skipped = f"{total} record{'s' * (total != 1)} skipped ({kinds})" if total else ""
    gaps = f"{snapshot.gaps} gap{'s' * (snapshot.gaps != 1)} in the journal" if snapshot.gaps else ""
    return " · ".join(filter(None, (skipped, gaps)))


class Page:
    """One session's view of the feed."""

    def __init__(self, feed: Feed, clock: Callable[[], int] = time.time_ns) -> None:
        self._feed, self._clock = feed, clock
        self._drawn = (-1, -1)
        self.plot = CpuPlot()
        self.status = Status(name="status", node=feed.node, source=f"{feed.topic} from {feed.broker}")
        self.roots: tuple[Model, ...] = (self.plot.root, self.status)

    def attach(self, document: Document) -> None:
        """Hand the words to the page's script, which also deals with a lost connection in its own way."""
        document.config.update(reconnect_session=False, notify_connection_status=False, notifications=None)
        document.js_on_event("document_ready", CustomJS(args={"status": self.status}, code="minimq.attach(status)"))

    def update(self) -> None:
        """Say and draw what is new since the last time; a plot moves on once a second even when nothing is."""
        snapshot, now = self._feed.snapshot, self._clock()
        self.status.update(**describe(snapshot, self._feed.topic, self._feed.broker, now))
        drawn = (snapshot.version, now // SECOND_NS)
        if drawn != self._drawn:
            self.plot.update(snapshot.samples, now)
            self._drawn = drawn
