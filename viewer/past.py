"""A capsule in the place of a subscriber: the same messages from a file, once, and no more after them.

Of a topic with more records than a plot can use, the greatest of each stretch is taken: a real sample, in its place.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from mq.capsule.labels import Row
from mq.capsule.reader import Capsule, Records
from mq.client.message import Message
from mq.errors import CapsuleUnusable
from mq.topic import Pattern
from viewer.samples import METRICS, Malformed, parse
from viewer.series import POINTS_MAX, SILENT_NS_MIN, Scope

PATTERNS = [Pattern.parse(f"host/+/{metric}") for metric in METRICS]


@dataclass(frozen=True, slots=True)
class Past:
    """What a capsule shows: `name` is the file's, the range is by the broker's clock, in ns."""

    name: str
    start: int
    stop: int
    thinned: bool = False

    @property
    def step_ns(self) -> int:
        """The length of a stretch of which one sample is taken, where there are too many."""
        return max(1, (self.stop - self.start) // POINTS_MAX)

    @property
    def scope(self) -> Scope:
        """What plots show of it. Two samples of two neighbouring stretches may be two steps apart."""
        pause_ns_min = max(SILENT_NS_MIN, 2 * self.step_ns) if self.thinned else SILENT_NS_MIN
        return Scope(self.stop - self.start, 2 * POINTS_MAX, pause_ns_min, still=True)


def past_of(path: str) -> Past:
    """Return what the page shows of a capsule. Of one that cannot be opened the name alone is known."""
    name = os.path.basename(path)
    try:
        with Capsule(path) as capsule:
            rows = list(_rows(capsule))
            oldest = min((row.oldest for row in rows if row.records), default=0)
            newest = max((row.newest for row in rows), default=0)
            start, stop = capsule.about[1:3] if capsule.about else (oldest, newest)
            return Past(name, start, stop, any(row.records > POINTS_MAX for row in rows))
    except (CapsuleUnusable, OSError):
        return Past(name, 0, 0)


class Recorded:
    """The samples of a capsule, as a `viewer.feed.Source`: connected once all of them have been told."""

    clock_ahead_ns = 0

    def __init__(self, path: str, past: Past) -> None:
        self.connected = False
        self._step_ns = past.step_ns
        self._capsule = Capsule(path)
        self._topics = _rows(self._capsule)
        self._ready: deque[Message] = deque()
        self._records: Records | None = None
        self._thinner = Thinner("", 0)
        self._closed = threading.Event()

    def receive(self, timeout: float | None = None) -> Message | None:
        """Return the next message; None, after `timeout` seconds, when all have been told. Raises `Gap`, `Trimmed`."""
        while not self._ready and not self.connected:
            message = next(self._records, None) if self._records is not None else None
            self._ready.extend(self._thinner.take(message) if message is not None else self._thinner.rest())
            if message is None:
                self._begin()
        if self._ready:
            return self._ready.popleft()
        self._closed.wait(timeout)
        return None

    def close(self) -> None:
        """Let go of the file."""
        self._closed.set()
        self._capsule.close()

    def _begin(self) -> None:
        """Go on with the next topic, if there is one."""
        row = next(self._topics, None)
        if row is None:
            self.connected = True
            return
        self._records = self._capsule.replay(row.topic)
        step_ns = self._step_ns if row.records > POINTS_MAX else 0
        self._thinner = Thinner(row.topic.rpartition("/")[2], step_ns)


class Thinner:
    """Takes the samples of one topic, and gives the greatest of each `step_ns`, and the last; of 0, each of them."""

    def __init__(self, metric: str, step_ns: int) -> None:
        self._metric, self._step_ns = metric, step_ns
        self._step = self._value = -1.0
        self._greatest: Message | None = None
        self._last: Message | None = None

    def take(self, message: Message) -> Iterator[Message]:
        """Take the next, and yield what is decided. What is no sample is for others to count."""
        if not self._step_ns:
            yield message
            return
        try:
            sample = parse(message.body, self._metric, message.time)
        except Malformed:
            yield message
            return
        if sample.time // self._step_ns != self._step:
            if self._greatest is not None:
                yield self._greatest
            self._step, self._value = sample.time // self._step_ns, -1.0
        if sample.value > self._value:
            self._greatest, self._value = message, sample.value
        self._last = message

    def rest(self) -> Iterator[Message]:
        """Yield what was not decided yet."""
        if self._greatest is not None:
            yield self._greatest
        if self._last is not None and self._last is not self._greatest:
            yield self._last
        self._greatest = self._last = None


def _rows(capsule: Capsule) -> Iterator[Row]:
    """Yield the topics that hold samples of hosts."""
    return (row for row in capsule.topics if any(pattern.matches(row.topic) for pattern in PATTERNS))
