"""What is known of one node: its metrics, whether it is live and since when, its clock, and who reports in its name.

Two clocks meet here. `time` is the node's own, `appended` the broker's, by which silence is judged; the difference of
the two is what the node's clock is off by, as far as it is not the sample that was late.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from enum import Enum
from heapq import nlargest

from viewer.samples import SECOND_NS, Sample
from viewer.series import LIVE, SILENT_NS_MIN, Points, Run, Scope, Series

DOWN_NS = 60 * SECOND_NS
DOWN_PAUSES = 4
PAUSE_INTERVALS = 3
SKEW_NS_SHOWN = 5 * SECOND_NS
LEADS_KEPT = 10
RIVALS_KEPT = 4
RIVALRY_NS = 60 * SECOND_NS
SLACK_NS = 60 * SECOND_NS


class State(Enum):
    """How a node is: stale when it has paused for longer than it does, down when that has lasted."""

    LIVE = "live"
    STALE = "stale"
    DOWN = "down"


@dataclass(slots=True)
class Collectors:
    """Who has sent one metric of one node. One that is heard again after another was there all the time."""

    current: str = ""
    heard: int = 0
    before: deque[str] = field(default_factory=lambda: deque(maxlen=RIVALS_KEPT))
    rivals: tuple[str, str] | None = None
    rivalry: int = 0

    def note(self, name: str, appended: int) -> None:
        """Take the sender of a sample; one that does not say who it is proves nothing, nor does what is told again."""
        if not name or appended < self.heard:
            return
        self.heard = appended
        if name == self.current:
            return
        if name in self.before:
            self.rivals = (min(name, self.current), max(name, self.current))
            self.rivalry = appended
            self.before.remove(name)
        if self.current:
            self.before.append(self.current)
        self.current = name


@dataclass(slots=True)
class Track:
    """One metric of a node. `heard` is when its last sample was appended; `last` the newest by the node's own clock.

    `pause_ns` is how long it may be silent before that means something.
    """

    series: Series = field(default_factory=Series)
    last: Sample | None = None
    heard: int = 0
    pause_ns: int = SILENT_NS_MIN
    collectors: Collectors = field(default_factory=Collectors)

    def silent(self, now: int) -> bool:
        """Whether it has paused for longer than it does."""
        return now - self.heard > self.pause_ns


class Node:
    """Takes samples in any order; `now` is always the broker's time. `skipped` counts records that are no samples.

    `spoken` is when it last said anything, good or not; `since` is when it began to report as it does now; unless
    `since_seen`, it did so before that already.
    """

    def __init__(self, name: str, scope: Scope = LIVE) -> None:
        self.name = name
        self._scope = scope
        self.tracks: dict[str, Track] = {}
        self.skipped: Counter[str] = Counter()
        self.spoken = 0
        self.since = 0
        self.since_seen = False
        self._leads: deque[int] = deque(maxlen=LEADS_KEPT)

    def take(self, metric: str, sample: Sample, appended: int) -> None:
        """Put a sample where it belongs."""
        made = min(appended, sample.time - self.skew)  # what the broker was away for is not a pause of the node's
        if self.tracks and made - self.heard > self.pause_ns:
            self.since, self.since_seen = made, True
        track = self.tracks.get(metric) or self._begin(metric)
        track.series.add(sample.time, sample.value)
        track.collectors.note(sample.collector, appended)
        track.heard = max(track.heard, appended)
        self._leads.append(sample.time - appended)
        if track.last is None or sample.time >= track.last.time or track.last.time > appended + SLACK_NS:
            track.last = sample  # or the one before is of a time from which the clock has been put back
            track.pause_ns = max(track.pause_ns, PAUSE_INTERVALS * sample.interval)

    @property
    def heard(self) -> int:
        """When the last good sample was appended; 0 when there was none."""
        return max((track.heard for track in self.tracks.values()), default=0)

    @property
    def pause_ns(self) -> int:
        """How long all its metrics may be silent before that means something."""
        return min((track.pause_ns for track in self.tracks.values()), default=SILENT_NS_MIN)

    @property
    def skew(self) -> int:
        """What the node's clock is ahead of the broker's, in ns; 0 as long as that does not matter.

        A late sample looks like a slow clock, so the least late of the last few counts; but for one, which alone may be
        of any time.
        """
        lead = min(nlargest(2, self._leads), default=0)
        return lead if abs(lead) > SKEW_NS_SHOWN else 0

    @property
    def rivals(self) -> tuple[str, str] | None:
        """Two collectors that report in this node's name at the same time."""
        newest = self.heard - RIVALRY_NS
        them = [track.collectors for track in self.tracks.values()]
        return next((each.rivals for each in them if each.rivals and each.rivalry > newest), None)

    def own(self, moment: int) -> int:
        """Return what the node's clock shows at a moment of the broker's."""
        return moment + self.skew

    def state(self, now: int) -> State:
        """Return how it is: by its liveliest metric."""
        silence = now - self.heard
        if silence <= self.pause_ns:
            return State.LIVE
        return State.STALE if silence <= max(DOWN_NS, DOWN_PAUSES * self.pause_ns) else State.DOWN

    def points(self, metric: str, now: int) -> Points:
        """Return what a plot of the metric shows: the span up to now, on the node's own clock."""
        end = self.own(now)
        window = self._kept(now) if self._scope.still else (end - self._scope.span_ns, end)
        return self.tracks[metric].series.points(*window)

    def tidy(self, now: int) -> None:
        """Forget what no plot shows any more, by its clock or by ours, and learn its rhythm from the rest."""
        for track in self.tracks.values():
            track.series.keep(*self._kept(now))
        runs = [self._learn(track) for track in self.tracks.values()]
        self._note(min(filter(None, runs), key=lambda run: run.start, default=None))

    def _kept(self, now: int) -> tuple[int, int]:
        """Return the times of all that a plot may show, by its clock or by ours."""
        first, last = sorted((now, self.own(now)))
        return first - self._scope.span_ns - SLACK_NS, last + SLACK_NS

    def _begin(self, metric: str) -> Track:
        track = self.tracks[metric] = Track(Series(self._scope.points_max, self._scope.pause_ns_min))
        return track

    def _learn(self, track: Track) -> Run | None:
        pause_ns, run = track.series.rhythm()
        track.pause_ns = max(pause_ns, PAUSE_INTERVALS * (track.last.interval if track.last else 0))
        return run

    def _note(self, run: Run | None) -> None:
        if run is None:
            return
        start = run.start - self.skew
        if run.after_pause:
            self.since, self.since_seen = start, True
        elif not self.since or start < self.since - SLACK_NS:
            self.since, self.since_seen = start, False
