"""Reading a topic's log by offset, by time and by epoch: any thread's, at any time, from a published `State`."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator
from typing import TypeVar

from mq.errors import Rewound, Trimmed
from mq.frame import Header
from mq.journal.files import Files
from mq.journal.index import Entry, Index
from mq.journal.indexes import Indexes, is_in_log
from mq.journal.interface import Slice
from mq.journal.scan import Event, scan
from mq.journal.segment import Segment, SegmentReader
from mq.journal.state import State
from mq.journal.topic_log import TopicLog
from mq.journal.window import Floor, Found, Window, frame_at

Seen = TypeVar("Seen")
Pick = Callable[[Index], Entry | None]


class LogReader:
    """Reads logs; holds nothing of its own but the way to their indexes."""

    def __init__(self, files: Files, indexes: Indexes) -> None:
        self._files = files
        self._indexes = indexes

    def read(self, log: TopicLog, offset: int, epoch: int | None, size: int) -> Slice:
        """Return about `size` bytes of whole frames from `offset` on. Raises `Trimmed`, `Rewound`."""
        return _of_what_is_there(log, lambda state: self._read(log, state, offset, epoch, size))

    def _read(self, log: TopicLog, state: State, offset: int, epoch: int | None, size: int) -> Slice:
        if offset < state.first:
            raise Trimmed(log.topic, offset, state.first)
        if epoch is not None and offset > 0 and not self._was_there(log, state, offset, epoch):
            raise Rewound(log.topic, offset, min(offset, self._end_of_epoch(log, state, epoch)))
        if offset > state.next:
            raise Rewound(log.topic, offset, state.next)
        lost = None
        for segment in state.segments[_place_of(state, offset) :]:
            if segment.base > offset:
                offset = lost = segment.base
            found = self._read_segment(log, state, segment, offset, size)
            if found is not None:
                frames, first, last = found
                lost = first.offset if first.offset > offset else lost
                return Slice(frames, last.next_offset, last.epoch, state.next, lost)
        if offset < state.next:
            lost = state.next
        return Slice(b"", state.next, state.epoch, state.next, lost)

    def offset_at(self, log: TopicLog, time: int) -> int:
        """Return the first offset appended at `time` (ns) or later; the end when there is none."""
        return _of_what_is_there(log, lambda state: self._offset_at(log, state, time))

    def _offset_at(self, log: TopicLog, state: State, time: int) -> int:
        if time > state.appended:
            return state.next
        place = self._place_by(log, state, lambda entry: entry.appended < time)
        for segment in state.segments[place:]:
            for found in self._frames(log, state, segment, lambda index: index.by_time(time)):
                if found.header.appended >= time:
                    return found.header.offset
        return state.next

    def tail_offset(self, log: TopicLog, size: int) -> int:
        """Return an offset from which on about `size` bytes follow, the first that is kept when there are fewer."""
        return _of_what_is_there(log, lambda state: self._tail_offset(log, state, size))

    def _tail_offset(self, log: TopicLog, state: State, size: int) -> int:
        for segment in reversed(state.segments):
            held = state.size_of(segment)
            if held > size:
                index = self._indexes.get(segment, log.name, held)
                entry = index.by_position(held - size)
                return entry.offset if entry is not None else segment.base
            size -= held
        return state.first

    def last_frame(self, log: TopicLog) -> bytes:
        """Return the last frame that can be read, nothing when there is none."""
        return _of_what_is_there(log, lambda state: self._last_frame(log, state))

    def _last_frame(self, log: TopicLog, state: State) -> bytes:
        for segment in reversed(state.segments):
            at = state.last if segment.active else -1
            found = self._frame_ending(log, segment, at, state) or self._last_of(log, state, segment)
            if found is not None:
                with SegmentReader(self._files, segment.path) as read:
                    return read(found.start, found.stop - found.start)
        return b""

    def _frame_ending(self, log: TopicLog, segment: Segment, at: int, state: State) -> Found | None:
        """Return the frame at `at` if it is the last one."""
        if at < 0:
            return None
        with SegmentReader(self._files, segment.path) as read:
            found = frame_at(Window(read, state.size), log.name, at)
        return found if found is not None and found.header.next_offset == state.next else None

    def _last_of(self, log: TopicLog, state: State, segment: Segment) -> Found | None:
        picks: tuple[Pick, ...] = (Index.last, lambda _: None)
        for pick in picks:
            for found in deque(self._frames(log, state, segment, pick), maxlen=1):
                return found
        return None

    def _was_there(self, log: TopicLog, state: State, offset: int, epoch: int) -> bool:
        """Whether the record before `offset` was appended in `epoch`, as far as can be known."""
        if offset >= state.next:
            return offset == state.next and epoch == state.epoch
        segment = state.segments[_place_of(state, offset - 1)]
        least, most = 0, state.epoch
        for found in self._frames(log, state, segment, lambda index: index.by_offset(offset - 1)):
            header = found.header
            if header.next_offset >= offset:
                least, most = header.epoch if header.offset < offset else least, header.epoch
                break
            least = header.epoch
        return least <= epoch <= most

    def _end_of_epoch(self, log: TopicLog, state: State, epoch: int) -> int:
        """Return the first offset appended in a later epoch than this one; the end when there is none."""
        if epoch >= state.epoch:
            return state.next
        place = self._place_by(log, state, lambda entry: entry.epoch <= epoch)
        for segment in state.segments[place:]:
            for found in self._frames(log, state, segment, lambda index: index.by_epoch(epoch)):
                if found.header.epoch > epoch:
                    return found.header.offset
        return state.next

    def _read_segment(
        self, log: TopicLog, state: State, segment: Segment, offset: int, size: int
    ) -> tuple[bytes, Header, Header] | None:
        first: Found | None = None
        last: Found | None = None
        for event in self._events(log, state, segment, lambda index: index.by_offset(offset)):
            if not isinstance(event, Found):
                if first is not None:
                    break
            elif event.header.next_offset > offset:
                first, last = first or event, event
                if last.stop - first.start >= size:
                    break
        if first is None or last is None:
            return None
        with SegmentReader(self._files, segment.path) as read:
            return read(first.start, last.stop - first.start), first.header, last.header

    def _frames(self, log: TopicLog, state: State, segment: Segment, pick: Pick) -> Iterator[Found]:
        return (event for event in self._events(log, state, segment, pick) if isinstance(event, Found))

    def _events(self, log: TopicLog, state: State, segment: Segment, pick: Pick) -> Iterator[Event]:
        """Scan a segment from the index entry that `pick` chooses; if that turns out wrong, from a new index's."""
        size = state.size_of(segment)
        if size == 0:
            return
        limit = state.limit_of(segment)
        with SegmentReader(self._files, segment.path) as read:
            entry = pick(self._indexes.get(segment, log.name, size))
            if entry is not None and not is_in_log(read, log.name, entry):
                entry = pick(self._indexes.rebuild(segment, log.name, size))
            start = entry or Entry(segment.base, 0, 0, 0)
            floor = Floor(start.offset, start.epoch, start.appended)
            yield from scan(Window(read, size), log.name, start.position, floor, limit)

    def _place_by(self, log: TopicLog, state: State, below: Callable[[Entry], bool]) -> int:
        """Return the place of the last segment whose first entry is `below`, 0 when none is."""
        low, high = 0, len(state.segments)
        while high - low > 1:
            middle = (low + high) // 2
            segment = state.segments[middle]
            index = self._indexes.get(segment, log.name, state.size_of(segment))
            if len(index) and below(index[0]):
                low = middle
            else:
                high = middle
        return low


def _of_what_is_there(log: TopicLog, look: Callable[[State], Seen]) -> Seen:
    """Look at a log; once more where a segment was trimmed meanwhile."""
    while True:
        state = log.state
        try:
            return look(state)
        except FileNotFoundError:
            if log.state.first == state.first:
                raise


def _place_of(state: State, offset: int) -> int:
    """Return the place of the segment that holds an offset, or would."""
    return max(bisect_right(state.segments, offset, key=lambda segment: segment.base) - 1, 0)
