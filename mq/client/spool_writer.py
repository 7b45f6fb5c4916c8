"""Appends to a spool's files, and keeps them within their bounds."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mq.client.spool_files import SpoolFiles
from mq.client.spool_frames import Row, note
from mq.client.spool_track import Track

BYTES_MAX = 256 << 20
BYTES_MAX_LEAST = 4 << 20
AGE_S_MAX = 86_400.0
DRAIN_BYTES_S = 4 << 20
SEGMENTS = 32  # so many are a full spool, or one that holds all that may be kept by age
SECOND_NS = 1_000_000_000

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SpoolLimits:
    """What a spool keeps, and how fast it gives back what is on its disk only."""

    bytes_max: int = BYTES_MAX
    age_s_max: float = AGE_S_MAX
    drain_bytes_s: int = DRAIN_BYTES_S

    def __post_init__(self) -> None:
        if self.bytes_max < BYTES_MAX_LEAST:
            raise ValueError(f"spool_bytes_max is at least {BYTES_MAX_LEAST}, not {self.bytes_max}")
        if not self.age_s_max > 0 or self.drain_bytes_s < 1:
            raise ValueError("spool_age_s_max and spool_drain_bytes_s are more than 0")


class SpoolWriter:
    """`lose` is told of each topic, and up to which place, that a segment is deleted before its time, and why."""

    def __init__(
        self, files: SpoolFiles, tracks: dict[str, Track], limits: SpoolLimits, lose: Callable[[str, int, str], None]
    ) -> None:
        self._files = files
        self._tracks = tracks
        self._limits = limits
        self._lose = lose
        self.failure: str | None = None
        self._refused_bytes = 0  # of the largest frame that the disk has not taken, nor one like it since

    def write(self, frame: bytes, now: int) -> int | None:
        """Append a frame and return where it stands; None when the disk does not take it, which is said once."""
        try:
            if self._is_full_with(len(frame)) or self._is_old(self._files.active.oldest, now, SEGMENTS):
                self._roll(now)
            while self._files.bytes + len(frame) > self._limits.bytes_max and len(self._files.segments) > 1:
                self._drop_oldest(f"as it holds {self._limits.bytes_max} bytes at most")
            at = self._files.append(frame)
        except OSError as error:
            self._refused_bytes = max(self._refused_bytes, len(frame))
            self._fails(error)
            return None
        if len(frame) >= self._refused_bytes:
            self._refused_bytes = 0
        return at

    def recover(self) -> None:
        """Take back that the disk takes nothing, as all is on it: but not while it has no room for what it refused."""
        if self.failure is not None and self._files.room >= self._refused_bytes:
            log.warning("the spool %s takes records again", self._files.directory)
            self.failure = None
            self._refused_bytes = 0

    def look_for_files(self) -> None:
        """Fail where the files were deleted or moved away."""
        try:
            self._files.refuse_if_gone()
        except OSError as error:
            self._fails(error)

    def note(self, topics: Iterable[str], now: int) -> None:
        """Write down how far topics are. What cannot be, a later life finds out by asking the broker again."""
        tracks = {topic: self._tracks[topic] for topic in topics}
        if self.write(note(self._rows(tracks), now), now) is not None:
            for topic, track in tracks.items():
                self._tracks.setdefault(topic, track)  # to make room it may have been forgotten
                self._files.active.ends.setdefault(topic, 0)

    def drop_old(self, now: int) -> None:
        """Delete segments of which all records are too old."""
        try:
            while self._is_old(self._files.segments[0].newest, now, 1):
                if len(self._files.segments) == 1:
                    self._roll(now)
                self._drop_oldest(f"as they were older than {self._limits.age_s_max:g} s")
        except OSError as error:
            self._fails(error)

    def is_too_old(self, written: int, now: int) -> bool:
        """Whether a record is not to be sent any more."""
        return self._is_old(written, now, 1)

    def remove_finished(self) -> None:
        """Delete the oldest segments, as far as everything in them is settled."""
        try:
            while len(self._files.segments) > 1 and all(
                topic not in self._tracks or self._tracks[topic].floor >= end
                for topic, end in self._files.segments[0].ends.items()
            ):
                self._remove_oldest()
        except OSError as error:
            self._fails(error)

    def sync(self) -> Callable[[], None] | None:
        """Return what makes safe all that has been written, None when it is, or that does not work."""
        try:
            return self._files.sync_later() if self._files.active.synced < self._files.active.size else None
        except OSError as error:
            self._fails(error)
            return None

    def _is_full_with(self, size: int) -> bool:
        most = self._limits.bytes_max // SEGMENTS
        return self._files.active.size > 0 and self._files.active.size + size > most

    def _is_old(self, written: int, now: int, parts: int) -> bool:
        return 0 < written < now - int(self._limits.age_s_max * SECOND_NS) // parts

    def _roll(self, now: int) -> None:
        """Begin another segment, with what is known of the topics that have not settled everything."""
        busy = [topic for topic, track in self._tracks.items() if not track.idle]
        self._files.roll(synced=bool(busy))
        self._files.append(note(self._rows(busy), now))
        self._files.active.ends = dict.fromkeys(busy, 0)
        self.remove_finished()

    def _drop_oldest(self, why: str) -> None:
        for topic, end in list(self._files.segments[0].ends.items()):
            if topic in self._tracks:
                self._lose(topic, end, why)
        self._remove_oldest()

    def _remove_oldest(self) -> None:
        """Delete a segment, and forget the topics of which there is nothing left in any."""
        gone = self._files.segments[0]
        self._files.remove_oldest()
        for topic in gone.ends:
            track = self._tracks.get(topic)
            if track is not None and track.idle and not any(topic in each.ends for each in self._files.segments):
                del self._tracks[topic]

    def _rows(self, topics: Iterable[str]) -> list[Row]:
        tracks = ((topic, self._tracks[topic]) for topic in topics)
        return [(topic, track.floor, track.sent, *track.identity) for topic, track in tracks]

    def _fails(self, error: OSError) -> None:
        why = f"{error.filename or self._files.directory}: {error.strerror}"
        if self.failure is None:
            log.error("the spool takes no records, they wait in memory only: %s", why)
        self.failure = why
