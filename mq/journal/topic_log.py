"""The log of one topic: its segments, its end, and appending to it.

One thread appends. What readers need is published as one immutable `State` after the bytes are written, so a reader
sees a whole append or nothing of it, and never waits.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from mq.errors import AppendFailed
from mq.frame import Checked, stamp
from mq.journal import mark as marks
from mq.journal.files import Files
from mq.journal.index import Entry, Index
from mq.journal.indexes import Indexes
from mq.journal.layout import MARK
from mq.journal.mark import Mark
from mq.journal.open_files import OpenFiles
from mq.journal.retention import Held
from mq.journal.segment import Segment
from mq.journal.state import State, ended


class Limits(NamedTuple):
    """What bounds a log, in bytes."""

    segment_bytes: int
    index_interval_bytes: int


_LONG_RUN = 4
_MARK_FLAGS = os.O_WRONLY | os.O_CREAT


class TopicLog:
    """Append to it from one thread; `state` is for all."""

    __slots__ = (
        "_files",
        "_indexes",
        "_limits",
        "_open",
        "_uncut",
        "broken",
        "changed",
        "directory",
        "name",
        "state",
        "topic",
    )

    def __init__(
        self,
        topic: str,
        directory: str,
        state: State,
        files: Files,
        open_files: OpenFiles,
        indexes: Indexes,
        limits: Limits,
        broken: str | None = None,
    ) -> None:
        self.topic = topic
        self.name = topic.encode() + b"\0"
        self.directory = directory
        self.state = state
        self.changed = 0
        self.broken = broken
        self._uncut = False
        self._files = files
        self._open = open_files
        self._indexes = indexes
        self._limits = limits

    def append(self, frames: Sequence[Checked], now: int, epoch: int) -> list[bytes]:
        """Stamp frames with offsets from the end on, write them, and return them. Raises `AppendFailed`."""
        if self._uncut:
            self._roll_back()
        if self.broken is not None:
            raise AppendFailed("journal_failed", self.broken)
        state = self.state
        offset, appended = state.next, max(now, state.appended)
        stamped = []
        for frame in frames:
            stamped.append(stamp(frame, offset, appended, epoch))
            offset += frame[1]
        data = b"".join(stamped)
        self._write(data)
        size = state.size + len(data)
        if self._wants_note(state, len(data)):
            self._note(stamped, frames, Entry(state.next, appended, state.size, epoch), size)
        self.state = State(state.segments, size, offset, size - len(stamped[-1]), appended, epoch)
        return stamped

    def needs_roll(self) -> bool:
        """Whether the active segment has reached its size."""
        return self.state.size >= self._limits.segment_bytes

    def roll(self) -> None:
        """Begin the next segment; the active one must be synced by then. Raises `OSError`."""
        state = self.state
        active = state.segments[-1]
        fresh = Segment.fresh(self.directory, state.next)
        self._open.get(fresh.path, new=True)
        self._open.forget(active.path)
        active.size, active.limit, active.appended = state.size, state.next, state.appended
        self._indexes.close_segment(active, self.name)
        self.state = state._replace(segments=(*state.segments, fresh), size=0, last=-1)

    def bytes_held(self) -> int:
        """Return how many bytes all segments have."""
        state = self.state
        return state.size + sum([segment.size for segment in state.segments[:-1]])

    def held(self) -> list[Held]:
        """Return what the closed segments hold, oldest first."""
        closed = self.state.segments[:-1]
        return [Held(segment.size, segment.limit, self._end_of(place)) for place, segment in enumerate(closed)]

    def began(self) -> int:
        """Return when the first record of the active segment was appended; the last one there is when it is empty."""
        state = self.state
        return self._first_in(state.segments[-1], state.size)

    def _end_of(self, place: int) -> int:
        """Return a time at or after that of a closed segment's last record: where it is not known, the next one's."""
        segment, following = self.state.segments[place], self.state.segments[place + 1]
        if segment.appended < 0:
            segment.appended = self._first_in(following, self.state.size_of(following))
        return segment.appended

    def _first_in(self, segment: Segment, size: int) -> int:
        index = self._indexes.get(segment, self.name, size) if size else Index()
        return index[0].appended if len(index) else self.state.appended

    def trim(self) -> None:
        """Delete the oldest segment, but for the active one. Raises `OSError`; the log is whole all the same.

        Readers are told first: who comes later gets `Trimmed`, who is inside keeps its open file. An index goes before
        its log, so that none is left alone.
        """
        before = self.state.segments
        self.state = self.state._replace(segments=before[1:] or before)
        try:
            for segment in before[:-1][:1]:
                self._remove(segment)
        except OSError:
            self.state = self.state._replace(segments=before)
            raise

    def delete(self) -> None:
        """Delete all of it. Raises `OSError` where something stays; it is no more all the same.

        Readers are told first, as by a trim: what they want is no longer kept.
        """
        state = self.state
        self.broken = f"{self.topic} has been deleted"
        self.state = ended(self.directory, state.next, state.epoch, state.appended)
        self._open.forget(state.segments[-1].path)
        for segment in state.segments:
            self._remove(segment)
        with suppress(FileNotFoundError):
            self._files.remove(self.mark_path)

    def _remove(self, segment: Segment) -> None:
        self._indexes.remove(segment)
        with suppress(FileNotFoundError):
            self._files.remove(segment.path)

    def sync(self) -> None:
        """Make durable what is written. Raises `OSError`."""
        if self.state.size == 0:  # nothing to sync, and on a full disk perhaps no file
            return
        path = self.state.segments[-1].path
        try:
            self._files.sync(self._open.get(path))
        except OSError as error:
            error.filename = error.filename or path
            raise

    def write_mark(self) -> None:
        """Say in the mark that all there is now is on the disk; the next sync persists that. Raises `OSError`."""
        state = self.state
        mark = Mark(state.segments[-1].base, state.size, state.next, max(state.last, 0), state.appended, state.epoch)
        descriptor = self._files.open(self.mark_path, _MARK_FLAGS)
        try:
            self._files.write_at(descriptor, marks.encode(mark, self.name), 0)
        except OSError as error:
            error.filename = error.filename or self.mark_path
            raise
        finally:
            self._files.close(descriptor)

    def sync_mark(self) -> None:
        """Make the mark durable. Raises `OSError`."""
        descriptor = self._files.open(self.mark_path, _MARK_FLAGS)
        try:
            self._files.sync(descriptor)
        finally:
            self._files.close(descriptor)

    def flush_index(self) -> None:
        """Write new index entries to their file, if that works."""
        self._indexes.flush(self.state.segments[-1], self.name)

    @property
    def mark_path(self) -> str:
        """Where this topic's mark is."""
        return f"{self.directory}/{MARK}"

    def _write(self, data: bytes) -> None:
        path = self.state.segments[-1].path
        try:
            written = self._files.write(self._open.get(path, new=self.state.size == 0), data)
        except OSError as error:
            self._roll_back()
            error.filename = error.filename or path
            raise AppendFailed.of(error) from error
        if written != len(data):
            self._roll_back()
            raise AppendFailed("disk_full", f"{path}: only {written} of {len(data)} bytes were taken")

    def _roll_back(self) -> None:
        """Cut a write that failed half way; a log that cannot be cut takes nothing until it can."""
        path = self.state.segments[-1].path
        self._uncut, self.broken = False, None
        try:
            if self._files.size(path) > self.state.size:
                self._files.truncate(path, self.state.size)
        except FileNotFoundError:
            if self.state.size > 0:
                self.broken = f"{path} has been deleted"
        except OSError as error:
            self._uncut, self.broken = True, f"{path}: {error.strerror} while cutting a failed write"

    def _wants_note(self, state: State, written: int) -> bool:
        """Whether a run of so many bytes, just written, leads past what the index has."""
        index, interval = state.segments[-1].index, self._limits.index_interval_bytes
        if index is None or written >= _LONG_RUN * interval:
            return True
        end = index.end
        return end < 0 or state.size - end >= interval

    def _note(self, stamped: list[bytes], frames: Sequence[Checked], first: Entry, size: int) -> None:
        """Add index entries for a run just written: one at its start is near enough, unless the run is long.

        An index that cannot be had is none of the appending thread's trouble: what it lacks is added when it is loaded.
        """
        active = self.state.segments[-1]
        try:
            index = active.index or self._indexes.get(active, self.name, self.state.size)
        except OSError:
            return
        interval = self._limits.index_interval_bytes
        if index.end < 0 or first.position - index.end >= interval:
            index.add(first)
        if size - first.position < _LONG_RUN * interval:
            return
        offset, position = first.offset, first.position
        for frame, checked in zip(stamped, frames, strict=True):
            if position - index.end >= interval:
                index.add(first._replace(offset=offset, position=position))
            offset, position = offset + checked[1], position + len(frame)
