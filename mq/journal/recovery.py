"""Opening a topic's log: find its end, cut what is torn, fence what is damaged. Nothing is lost that can be read.

Below the mark everything was on the disk once, so recovery reads only what is past it. There, a tail with nothing
valid behind it is torn: it is cut, and a copy kept. Where bytes below the mark are gone, or a whole segment is, that is
damage: what is left stays as it is, and a new segment begins at the offset that the mark knows, so that lost offsets
are not used again. A tail that cannot be cut is left so too. A log that cannot go on even so is only read.
"""

from __future__ import annotations

import logging
import os
from itertools import pairwise
from typing import NamedTuple

from mq.body import BODY_BYTES_MAX
from mq.frame import HEADER_SIZE, header_at
from mq.journal import layout
from mq.journal import mark as marks
from mq.journal.files import Files, read_whole
from mq.journal.indexes import Indexes
from mq.journal.mark import MARK_SIZE, Mark
from mq.journal.meta import FULL
from mq.journal.quarantine import keep_copy
from mq.journal.scan import Damaged, Rest, scan
from mq.journal.segment import Segment, SegmentReader
from mq.journal.state import State
from mq.journal.window import Floor, Found, Window

_log = logging.getLogger(__name__)

_RECORDS_PER_FRAME_MAX = BODY_BYTES_MAX // 2


class Opened(NamedTuple):
    """A log as it was found. `clean`: all of it is on the disk, as the mark says. `broken`: why it takes nothing."""

    state: State
    clean: bool = False
    broken: str | None = None


class Tail(NamedTuple):
    """Where the good part of an active segment ends, what the next frame there follows, and what comes instead."""

    size: int
    floor: Floor
    last: int
    rest: Rest | None


class Recovery:
    """Opens the logs of one data directory. All raise `OSError` where not even reading works."""

    def __init__(self, files: Files, indexes: Indexes, data: str) -> None:
        self._files = files
        self._indexes = indexes
        self._data = data

    def open(self, topic: str, names: list[str]) -> Opened | None:
        """Return the log of a topic whose directory holds `names`, None when nothing was ever appended there."""
        directory, name = layout.topic_directory(self._data, topic), topic.encode() + b"\0"
        mark = read_mark(self._files, directory, name) if layout.MARK in names else None
        segments = [Segment(directory, base, 0) for base in layout.segment_bases(names)]
        for segment in segments:
            segment.size = self._files.size(segment.path)
        for segment, after in pairwise(segments):
            segment.limit = after.base
        if mark is not None and (not segments or mark.base > segments[-1].base):
            _log.error("%s: segment %d is gone, with offsets up to %d", directory, mark.base, mark.next - 1)
            return self._fence(directory, segments, Floor(mark.next, mark.epoch, mark.appended))
        if not segments:
            return None
        segments[-1].active = True
        if mark is not None and mark.base == segments[-1].base and not self._holds(mark, segments[-1], name):
            _log.error("%s: it does not end at byte %d as it did when synced", segments[-1].path, mark.position)
            return self._fence(directory, segments, self._beyond(mark, segments, name))
        if mark is not None and (mark.base, mark.position) == (segments[-1].base, segments[-1].size):
            return Opened(State(tuple(segments), mark.position, mark.next, mark.last, mark.appended, mark.epoch), True)
        return self._open_unmarked(topic, directory, segments, name, mark)

    def _open_unmarked(
        self, topic: str, directory: str, segments: list[Segment], name: bytes, mark: Mark | None
    ) -> Opened | None:
        """Open a log whose active segment does not end where the mark is."""
        active = segments[-1]
        before = self._before(segments, name, mark)
        here = mark if mark is not None and mark.base == active.base else None
        tail = find_tail(self._files, active, name, here, before)
        broken = self._cut(topic, active, tail.rest) if tail.rest is not None else None
        if broken is not None and tail.size > 0:
            return self._fence(directory, segments, tail.floor)
        if broken is None and tail.size == active.base == 0:
            return None
        floor = tail.floor
        state = State(tuple(segments), tail.size, floor.offset, tail.last, floor.appended, floor.epoch)
        return Opened(state, broken=broken)

    def _holds(self, mark: Mark, active: Segment, name: bytes) -> bool:
        """Whether the frame that was the last one when synced still stands before the mark, and ends there.

        Only then is what is appended behind it found again: a reader believes a header's length.
        """
        if mark.position > active.size:
            return False
        if mark.position == 0:
            return True
        with SegmentReader(self._files, active.path) as read:
            header = header_at(read(mark.last, len(name) + HEADER_SIZE), 0, name)
        if header is None:
            return False
        end = mark.last + len(name) + HEADER_SIZE + header.length
        return (end, header.next_offset) == (mark.position, mark.next)

    def _beyond(self, mark: Mark, segments: list[Segment], name: bytes) -> Floor:
        """Return where offsets go on behind an active segment of which the mark is no longer true."""
        tail = find_tail(self._files, segments[-1], name, None, self._before(segments, name, mark))
        return Floor(*map(max, tail.floor, (mark.next, mark.epoch, mark.appended)))

    def _before(self, segments: list[Segment], name: bytes, mark: Mark | None) -> Floor:
        """Return what the active segment's first frame follows: the last good frame before it, or the mark."""
        floor = Floor(segments[-1].base, 0, 0)
        if mark is not None and mark.base < floor.offset:
            floor = Floor(floor.offset, mark.epoch, mark.appended)
        for earlier in reversed(segments[:-1]):
            last = self._last_in(earlier, name)
            if last is not None:
                return Floor(floor.offset, max(floor.epoch, last.epoch), max(floor.appended, last.appended))
        return floor

    def _last_in(self, segment: Segment, name: bytes) -> Floor | None:
        entry = self._indexes.get(segment, name, segment.size).last()
        floor = Floor(entry.offset, entry.epoch, entry.appended) if entry else None
        if entry is None or floor is None:
            return None
        with SegmentReader(self._files, segment.path) as read:
            for event in scan(Window(read, segment.size), name, entry.position, floor, segment.limit):
                if isinstance(event, Found):
                    floor = Floor.after(event.header)
        return floor

    def _fence(self, directory: str, segments: list[Segment], floor: Floor) -> Opened:
        """Leave what is there as it is, and begin a new segment at an offset that was never used."""
        for segment in segments[-1:]:
            segment.active, segment.limit = False, floor.offset
        fresh = Segment(directory, floor.offset, 0)
        fresh.active = True
        state = State((*segments, fresh), 0, floor.offset, -1, floor.appended, floor.epoch)
        try:
            self._files.close(self._files.open(fresh.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
        except OSError as error:
            if error.errno not in FULL:
                return Opened(state, broken=f"{fresh.path}: {error.strerror} when a new segment was to begin")
            _log.error("%s: it begins with the next record, once there is room for it", fresh.path)
            return Opened(state)
        _log.error("%s: appending goes on in this new segment, at offset %d", fresh.path, floor.offset)
        return Opened(state)

    def _cut(self, topic: str, active: Segment, torn: Rest) -> str | None:
        """Cut a torn tail, once a copy of it is safe; return why not, if that cannot be."""
        try:
            copy = keep_copy(self._files, self._data, topic, active, torn)
            self._files.truncate(active.path, torn.start)
        except OSError as error:
            _log.error("%s: torn at byte %d, not cut: %s", active.path, torn.start, error.strerror)
            return f"{error.filename or active.path}: {error.strerror} while cutting a torn tail"
        _log.warning(
            "%s: torn at byte %d (offset %d); %d bytes cut, a copy is in %s",
            *(active.path, torn.start, torn.first, torn.stop - torn.start, copy),
        )
        return None


def read_mark(files: Files, directory: str, name: bytes) -> Mark | None:
    """Return the mark in a topic's directory, None when there is none that holds."""
    try:
        return marks.decode(read_whole(files, os.path.join(directory, layout.MARK), MARK_SIZE + 1), name)
    except FileNotFoundError:
        return None


def find_tail(files: Files, active: Segment, name: bytes, mark: Mark | None, before: Floor) -> Tail:
    """Read an active segment from its mark on, and say where it ends and why. Changes nothing.

    `before` is what the segment's first frame follows.
    """
    size, floor, last = 0, before, -1
    if mark is not None:
        size, floor, last = mark.position, Floor(mark.next, mark.epoch, mark.appended), mark.last
    rest: Rest | None = None
    limit = floor.offset + (active.size // HEADER_SIZE + 1) * _RECORDS_PER_FRAME_MAX
    with SegmentReader(files, active.path) as read:
        for event in scan(Window(read, active.size), name, size, floor, limit):
            if isinstance(event, Found):
                size, last, floor = event.stop, event.start, Floor.after(event.header)
            elif isinstance(event, Damaged):
                _log.error(
                    "%s: damaged from byte %d to %d, offsets %d to %d are lost",
                    *(active.path, event.start, event.stop, event.first, event.next - 1),
                )
            else:
                rest = event
    return Tail(size, floor, last, rest)
