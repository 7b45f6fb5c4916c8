"""Looking at a topic's log as far as recovery has to: its mark, and what is past it. Reads, and decides nothing."""

from __future__ import annotations

import os
from itertools import pairwise

from mq.body import BODY_BYTES_MAX
from mq.frame import HEADER_SIZE, header_at
from mq.journal import layout
from mq.journal import mark as marks
from mq.journal.files import Files, read_whole
from mq.journal.indexes import Indexes
from mq.journal.mark import MARK_SIZE, Mark
from mq.journal.plan import Doubt, Evidence, Tail, is_gone
from mq.journal.resync import doubtful_end
from mq.journal.scan import Damaged, Rest, scan
from mq.journal.segment import Segment, SegmentReader
from mq.journal.window import Floor, Found, Read, Window
from mq.topic import TOPIC_BYTES_MAX

_RECORDS_PER_FRAME_MAX = BODY_BYTES_MAX // 2
_HEAD_BYTES_MAX = TOPIC_BYTES_MAX + 1 + HEADER_SIZE


class Survey:
    """Looks at the topics of one data directory. All raise `OSError` where reading does not work."""

    def __init__(self, files: Files, indexes: Indexes, data: str) -> None:
        self._files = files
        self._indexes = indexes
        self._data = data

    def look(self, topic: str, names: list[str]) -> Evidence:
        """Return what there is of a topic whose directory holds `names`."""
        directory, name = layout.topic_directory(self._data, topic), topic.encode() + b"\0"
        mark = read_mark(self._files, directory, name) if layout.MARK in names else None
        segments = self._segments(directory, names)
        if not segments or (mark is not None and is_gone(mark, segments)):
            return Evidence(topic, directory, segments, mark)
        active = segments[-1]
        here = mark if mark is not None and mark.base == active.base else None
        holds, unreadable = (True, -1) if here is None else self._holds(here, active, name)
        if here is not None and holds and here.position == active.size:
            return Evidence(topic, directory, segments, mark)
        marked = here if holds else None
        before = self._before(segments, name, mark) if marked is None else Floor(marked.next, 0, 0)
        tail = find_tail(self._files, active, name, marked, before)
        if unreadable >= 0:
            tail = tail._replace(unreadable=unreadable)
        return Evidence(topic, directory, segments, mark, holds, tail)

    def _segments(self, directory: str, names: list[str]) -> tuple[Segment, ...]:
        segments = tuple(Segment(directory, base, 0) for base in layout.segment_bases(names))
        for segment in segments:
            segment.size = self._files.size(segment.path)
        for segment, after in pairwise(segments):
            segment.limit = after.base
        for segment in segments[-1:]:
            segment.active = True
        return segments

    def _holds(self, mark: Mark, active: Segment, name: bytes) -> tuple[bool, int]:
        """Whether the frame that was the last one when synced still stands before the mark, and ends there.

        Only then is what is appended behind it found again: a reader believes a header's length. With it, the byte that
        the disk did not give, or -1.
        """
        if mark.position > active.size or mark.position == 0:
            return mark.position == 0, -1
        with SegmentReader(self._files, active.path) as read:
            header = header_at(read(mark.last, len(name) + HEADER_SIZE), 0, name)
        if header is None:
            return False, read.unreadable
        end = mark.last + len(name) + HEADER_SIZE + header.length
        return (end, header.next_offset) == (mark.position, mark.next), read.unreadable

    def _before(self, segments: tuple[Segment, ...], name: bytes, mark: Mark | None) -> Floor:
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


def read_mark(files: Files, directory: str, name: bytes) -> Mark | None:
    """Return the mark in a topic's directory, None when there is none that holds."""
    try:
        return marks.decode(read_whole(files, os.path.join(directory, layout.MARK), MARK_SIZE), name)
    except FileNotFoundError:
        return None


def limit_of_tail(offset: int, size: int) -> int:
    """Return an offset that no frame in `size` bytes can reach, where `offset` is due at their beginning."""
    return offset + (size // HEADER_SIZE + 1) * _RECORDS_PER_FRAME_MAX


def find_tail(files: Files, active: Segment, name: bytes, mark: Mark | None, before: Floor) -> Tail:
    """Read an active segment from its mark on, and say where it ends and why.

    `before` is what the segment's first frame follows.
    """
    size, floor, last = 0, before, -1
    if mark is not None:
        size, floor, last = mark.position, Floor(mark.next, mark.epoch, mark.appended), mark.last
    rest: Rest | None = None
    damage = []
    limit = limit_of_tail(floor.offset, active.size)
    with SegmentReader(files, active.path) as read:
        for event in scan(Window(read, active.size), name, size, floor, limit):
            if isinstance(event, Found):
                size, last, floor = event.stop, event.start, Floor.after(event.header)
            elif isinstance(event, Damaged):
                damage.append(event)
            else:
                rest = event
        doubt = doubt_about(rest, read, name, floor, limit)
    return Tail(size, floor, last, rest, tuple(damage), read.unreadable, doubt)


def doubt_about(rest: Rest | None, read: Read, name: bytes, floor: Floor, limit: int) -> Doubt:
    """Return what speaks against it that the rest of a segment is but torn."""
    if rest is None:
        return Doubt()
    data = read(rest.start, _HEAD_BYTES_MAX)
    other = data[: data.find(0) + 1]
    foreign = len(other) > 1 and other != name and header_at(data, 0, other) is not None
    return Doubt(doubtful_end(Window(read, rest.stop), name, rest.start, floor, limit), foreign)
