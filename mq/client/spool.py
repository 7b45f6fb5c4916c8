"""A producer's spool: what has no acknowledgement yet is on its disk, and outlives it.

A record is in the spool's file before `send` returns: it survives a kill of the producer at any moment. Each second one
looks whether something has waited for a second, and then all is synced: a loss of power costs what was sent in the last
two seconds. What has its acknowledgement before that need not be synced.

In memory is what is on its way, as much as the producer's buffer takes; the rest is read back from the disk, oldest
first, at a bounded rate. A topic with something on disk only queues behind it; other topics go at once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from threading import Lock
from weakref import WeakValueDictionary

from mq.client.batch import Batch, Kept, Outcome
from mq.client.spool_feed import GONE, NEVER, Asked, Feed
from mq.client.spool_frames import kept
from mq.client.spool_losses import Losses, SpoolState
from mq.client.spool_opening import opened
from mq.client.spool_track import Track
from mq.client.spool_unwritten import Unwritten
from mq.client.spool_writer import SpoolLimits, SpoolWriter
from mq.errors import MqError, SpoolDropped, StillSpooled, TimedOut
from mq.frame import Content, Wanted

SYNC_S = 1.0

log = logging.getLogger(__name__)


class Spool:
    """Used by any number of threads. Raises `SpoolHeld` and `SpoolUnusable` when it is made."""

    def __init__(self, directory: str, limits: SpoolLimits, wanted: Wanted) -> None:
        self._wanted = wanted
        self._lock = Lock()
        self._files, self._tracks, self._damaged = opened(directory)
        self._writer = SpoolWriter(self._files, self._tracks, limits, self._lose)
        self._unwritten = Unwritten(self._write_late)
        self._asked: Asked = WeakValueDictionary()
        self._lost: list[tuple[Batch, Outcome]] = []
        self._losses = Losses(self._files)
        self._looks_at = 0.0
        self._ends_seen: dict[str, int] = {}  # of topics with something unsettled, when it was last looked
        self._busy = {topic for topic, track in self._tracks.items() if not track.idle}
        self._feed = Feed(self._files, self._tracks, self._busy, self._asked, self._lose, limits.drain_bytes_s)
        self._writer.remove_finished()
        if self._busy:
            self._feed.begin()

    @property
    def state(self) -> SpoolState:
        """How it is now."""
        with self._lock:
            records = sum(self._tracks[topic].pending for topic in self._busy)
            waiting = sum(self._tracks[topic].waiting for topic in self._busy)
            memory_only = records - waiting if self._files.is_gone else self._unwritten.records
            counts = self._losses.dropped, self._losses.refused, self._losses.unknown, self._damaged
            return SpoolState(records, self._files.bytes, *counts, self._writer.failure, memory_only)

    @property
    def empty(self) -> bool:
        """Whether everything is settled."""
        return not self._busy

    def unsettled(self) -> dict[str, int]:
        """Return the topics with something unsettled, and the place behind their last record."""
        with self._lock:
            return {topic: self._tracks[topic].next for topic in self._busy}

    def is_settled(self, ends: dict[str, int]) -> bool:
        """Whether all before these places is settled; topics that have come so far are taken out."""
        with self._lock:
            while ends and (topic := next(iter(ends))):
                if topic in self._busy and self._tracks[topic].floor < ends[topic]:
                    return False
                del ends[topic]
            return True

    # --- what comes in

    def waits(self, topic: str) -> bool:
        """Whether a topic has something on disk only."""
        return self.waiting(topic) > 0

    def waiting(self, topic: str) -> int:
        """Return how many records of a topic are on disk only."""
        track = self._tracks.get(topic)
        return 0 if track is None else track.waiting

    def keep(self, batch: Batch, content: Content, *, has_room: bool) -> bool | None:
        """Write a batch down. Return whether it goes right now, else it waits on the disk; None if that fails."""
        with self._lock:
            if not self._unwritten.write(batch.topic):
                return None
            track, now = self._track(batch.topic), time.time_ns()
            frame = kept(content, wanted=self._wanted, produced=batch.produced, place=track.next, now=now)
            at = self._writer.write(frame, now)
            if at is None:
                return None
            self._tracks.setdefault(batch.topic, track)  # to make room it may have been forgotten
            goes = has_room and not track.waiting
            segment = self._files.active
            batch.kept = self._place(track, batch, content.records, segment.number, feed=goes)
            segment.holds(batch.topic, track.next, now)
            self._recover()
            if not goes:
                self._asked[batch.topic, batch.kept.place] = batch
                self._feed.queue(segment.number, at, len(frame))
            return goes

    def keep_in_memory(self, batch: Batch, content: Content) -> None:
        """Give a batch its place though the disk does not take it. Its topic has nothing on disk only."""
        with self._lock:
            batch.content = content
            batch.kept = self._place(self._track(batch.topic), batch, content.records, 0, feed=True)
            self._unwritten.add(batch)

    # --- what goes out

    def feed(self, now: float, takes: Callable[[int], bool]) -> tuple[list[Batch], float]:
        """Return what is to be sent of what is on disk only, and when to ask again. `takes` says if there is room."""
        with self._lock:
            wall = time.time_ns()
            return self._feed.take(now, takes, lambda written: self._writer.is_too_old(written, wall))

    def may_send(self, batch: Batch, producer: int, sequence: int) -> bool:
        """Whether a batch may travel so now. If so it is written down first: a later life would send it likewise."""
        if batch.kept is None:
            return True
        with self._lock:
            track = self._tracks[batch.topic]
            if not track.may_send(batch.kept.place, producer, sequence):
                return False
            if track.send(batch.kept.place, batch.count, producer, sequence):
                self._writer.note([batch.topic], time.time_ns())
            return True

    def settle(self, outcomes: Sequence[tuple[Batch, Outcome]]) -> list[tuple[Batch, Outcome]]:
        """Take in what became of batches; return what is to be said of them, and of those that were dropped."""
        with self._lock:
            told, self._lost = self._lost, []
            changed: dict[str, None] = {}
            if any(_is_none(outcome) for _, outcome in outcomes):
                self._rescue()
            for batch, outcome in outcomes:
                if batch.kept is None:
                    told.append((batch, outcome))
                elif _is_none(outcome) and self._is_on_disk(batch.kept):
                    told.append((batch, StillSpooled(batch.topic, self._files.directory)))
                else:
                    told.append((batch, outcome))
                    self._unwritten.discard(batch.topic, batch.kept.place)
                    self._settle(batch.topic, batch.kept.place, batch.count)
                    changed[batch.topic] = None
                    self._losses.take(batch, outcome)
            if changed:
                self._writer.note(changed, time.time_ns())
                self._writer.remove_finished()
            return told

    # --- what is due

    def look(self, now: float) -> float:
        """Sync and drop what is due, for the producer's thread; return when to look again."""
        with self._lock:
            if not self._busy:
                return NEVER
            if now < self._looks_at:
                return self._looks_at
            self._looks_at = now + SYNC_S
            self._rescue()
            self._writer.drop_old(time.time_ns())
            sync = self._writer.sync() if self._has_waited() else None
            self._ends_seen = {topic: self._tracks[topic].next for topic in self._busy}
        if sync is not None:
            self._sync(sync)
        return self._looks_at

    def close(self) -> list[tuple[Batch, Outcome]]:
        """Let go of the files; return what is to be said of what is on disk only."""
        with self._lock:
            self._rescue()
            left = [batch for batch in self._asked.values() if batch.outcome is None]
            sync = self._writer.sync() if self._busy else None
            if sync is not None:
                self._sync(sync)
            self._files.close()
            return [(batch, self._left_behind(batch)) for batch in left]

    # --- the lock is held in what follows

    def _has_waited(self) -> bool:
        """Whether something is unsettled that was there already when it was last looked."""
        return any(self._tracks[topic].floor < self._ends_seen.get(topic, 0) for topic in self._busy)

    def _rescue(self) -> None:
        """Notice when the files are gone. Write down what waits in memory only, if that works by now."""
        self._writer.look_for_files()
        if self._unwritten.records:
            self._unwritten.write_all()
            self._recover()

    def _write_late(self, batch: Batch) -> bool:
        """Write down what the disk did not take before."""
        if batch.content is None or batch.kept is None:
            return True
        place, wanted, now = batch.kept.place, batch.kept.wanted, time.time_ns()
        frame = kept(batch.content, wanted=wanted, produced=batch.produced, place=place, now=now)
        if self._writer.write(frame, now) is None:
            return False
        batch.kept.segment = self._files.active.number
        self._files.active.holds(batch.topic, place + batch.count, now)
        return True

    def _recover(self) -> None:
        if not self._unwritten.records:
            self._writer.recover()

    def _is_on_disk(self, it: Kept) -> bool:
        return it.segment >= self._files.segments[0].number and not self._files.is_gone

    def _left_behind(self, batch: Batch) -> MqError:
        """Return what is to be said of what is on disk only at the end."""
        if not self._files.is_gone:
            return StillSpooled(batch.topic, self._files.directory)
        error = SpoolDropped(batch.topic, batch.count, GONE)
        self._losses.drop(error, batch.count)
        return error

    def _track(self, topic: str) -> Track:
        track = self._tracks.get(topic)
        if track is None:
            track = self._tracks[topic] = Track()
        return track

    def _place(self, track: Track, batch: Batch, records: int, segment: int, *, feed: bool) -> Kept:
        place = track.append(records)
        if feed:
            track.feed(place, records)
        self._busy.add(batch.topic)
        return Kept(place, segment, self._wanted)

    def _settle(self, topic: str, place: int, count: int) -> None:
        track = self._tracks[topic]
        track.settle(place, count)
        if track.idle:
            self._busy.discard(topic)

    def _lose(self, topic: str, upto: int, why: str) -> None:
        """Give up what is on disk only, up to a place."""
        track = self._tracks[topic]
        first = track.fed
        records = track.drop(upto)
        if track.idle:
            self._busy.discard(topic)
        if not records:
            return
        error = SpoolDropped(topic, records, why)
        self._losses.drop(error, records)
        for place in [place for name, place in list(self._asked) if name == topic and first <= place < upto]:
            batch = self._asked.pop((topic, place), None)
            if batch is not None:
                batch.kept = None
                self._lost.append((batch, error))

    def _sync(self, sync: Callable[[], None]) -> None:
        try:
            sync()
        except OSError as error:
            log.error("the spool %s cannot be synced: %s", self._files.directory, error.strerror)  # noqa: TRY400


def _is_none(outcome: Outcome) -> bool:
    """Whether it is none, but the producer's end: what is spooled is tried for as long as the spool keeps it."""
    return isinstance(outcome, TimedOut) or type(outcome) is MqError
