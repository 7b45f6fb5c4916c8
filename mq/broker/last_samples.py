"""The last sample of each host's metrics, kept as it passes by: so a scrape reads no disk, nor waits for a busy one.

The journaling thread notes, any may look.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from mq.body import unpack
from mq.broker.counters import Counters
from mq.config import Config
from mq.errors import CodecMissing, FrameRefused
from mq.frame import BODY, Checked, body_kind
from mq.journal.interface import Run
from mq.metrics.facts import Sample
from mq.metrics.hosts import METRICS

FRAME_BYTES_MAX = 16 << 10
RECORDS_BYTES_MAX = 1 << 20  # what such a frame may decompress to
LOOK_FOR_ROOM_EVERY_S = 1.0
_METRICS = frozenset(metric.encode() for metric in METRICS)


# When a frame came, in seconds since the Unix epoch, and the frame. A plain tuple: it is made for each write.
Kept = tuple[float, Checked]


class LastSamples:
    """Those of ``metrics_nodes_max`` nodes. While there is no room for another one its samples are counted."""

    def __init__(self, config: Config, counters: Counters, clock: Callable[[], float] = time.time) -> None:
        self._kept_max = config.metrics_nodes_max * len(METRICS)
        self._age_s_max = config.metrics_node_age_s
        self._counters = counters
        self._clock = clock
        self._looked = float("-inf")
        self._kept: dict[bytes, Kept] = {}

    def note(self, run: Run) -> None:
        """Take the frames of one topic."""
        if run.topic not in self._kept and not self._admits(run.topic):
            return
        frame = run.checked[-1]
        if len(frame[BODY]) <= FRAME_BYTES_MAX:
            self._kept[run.topic] = self._clock(), frame

    def all(self) -> list[Sample]:
        """Return them, each the last record of its frame."""
        samples = (_sample(topic, kept) for topic, kept in list(self._kept.items()))
        return [sample for sample in samples if sample is not None]

    def _admits(self, topic: bytes) -> bool:
        """Whether a topic that is not known is a host's, and there is room for it."""
        if not topic.startswith(b"host/"):
            return False
        parts = topic.split(b"/")
        if len(parts) != 3 or parts[2] not in _METRICS:  # noqa: PLR2004 - host, node, metric
            return False
        if len(self._kept) >= self._kept_max:
            self._make_room()
        if len(self._kept) < self._kept_max:
            return True
        self._counters.host_samples_left_out += 1
        return False

    def _make_room(self) -> None:
        """Forget those of whom nothing was heard for long; looked for now and then, for it takes a while."""
        now = self._clock()
        if abs(now - self._looked) >= LOOK_FOR_ROOM_EVERY_S:
            self._looked = now
            self._kept = {topic: it for topic, it in self._kept.items() if now - it[0] <= self._age_s_max}


def _sample(topic: bytes, kept: Kept) -> Sample | None:
    came, frame = kept
    _, count, flags, *_ = frame
    batch, codec = body_kind(flags)
    try:
        records = unpack(frame[BODY], count, batch=batch, codec=codec, limit=RECORDS_BYTES_MAX)
    except (FrameRefused, CodecMissing):
        return None
    _, node, metric = topic.decode("ascii").split("/")
    return Sample(node, metric, came, records[-1])
