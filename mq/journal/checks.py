"""Looking one topic through: its segments against the law of a log, the mark and the indexes against the log."""

from __future__ import annotations

import os
from itertools import pairwise

from mq.journal import index as indexing
from mq.journal import layout
from mq.journal import mark as marks
from mq.journal.files import Files, read_whole
from mq.journal.index import ENTRY_SIZE, Entry
from mq.journal.mark import MARK_SIZE, Mark
from mq.journal.report import Report
from mq.journal.scan import Damaged, Rest, scan
from mq.journal.segment import SegmentReader
from mq.journal.window import NO_LIMIT, Floor, Found, Window

_INDEX_BYTES_MAX = 64 << 20


class TopicCheck:
    """One look at one topic; what it finds goes into the report."""

    def __init__(self, files: Files, data: str, topic: str, report: Report) -> None:
        self._files = files
        self._report = report
        self._name = topic.encode() + b"\0"
        self._directory = layout.topic_directory(data, topic)
        self._mark_path = os.path.join(self._directory, layout.MARK)

    def run(self) -> int:
        """Look, and return the latest epoch seen.

        The mark is read first and the sizes last, so that of a log that grows meanwhile nothing is missed.
        """
        mark = self._read_mark()
        bases = layout.segment_bases(self._files.names(self._directory))
        floor = Floor(bases[0] if bases else 0, 0, 0)
        for base, after in pairwise([*bases, NO_LIMIT]):
            floor = self._check_segment(base, floor, mark, after if after != NO_LIMIT else None)
        if mark is not None and mark.base > (bases[-1] if bases else -1):
            why = "a segment that had been synced is missing"
            first = floor.offset if bases else mark.base
            self._report.damage(self._path(mark.base), 0, mark.position, why, first, mark.next)
        self._report.topics += bool(bases) or mark is not None
        return floor.epoch

    def _path(self, base: int) -> str:
        return os.path.join(self._directory, layout.segment_name(base))

    def _read_mark(self) -> Mark | None:
        try:
            data = read_whole(self._files, self._mark_path, MARK_SIZE + 1)
        except FileNotFoundError:
            return None
        mark = marks.decode(data, self._name)
        if mark is None and any(data):
            self._report.damage(self._mark_path, 0, len(data), "the mark of how far was synced does not hold")
        elif mark is None:
            self._report.note(self._mark_path, "the mark is blank, as after a power cut: nothing counts as synced")
        return mark

    def _check_segment(self, base: int, floor: Floor, mark: Mark | None, after: int | None) -> Floor:
        """Go through a segment, `after` being the base of the next one; return what a frame behind it has to follow."""
        path = self._path(base)
        mark = mark if mark is not None and mark.base == base else None
        index = self._read_index(path, base, is_last=after is None)
        floor = floor._replace(offset=base)
        size = self._files.size(path)
        rest: Rest | None = None
        with SegmentReader(self._files, path) as read:
            for event in scan(Window(read, size), self._name, 0, floor, NO_LIMIT if after is None else after):
                if isinstance(event, Found):
                    self._take(event, mark, index)
                    floor = Floor.after(event.header)
                elif isinstance(event, Damaged):
                    why = "these bytes hold no frames that fit, and good frames follow"
                    self._report.damage(path, event.start, event.stop, why, event.first, event.next)
                else:
                    rest = event
        self._report.segments += 1
        self._report.bytes += size
        if wrong := sum(position < size for position in index):
            why = f"{wrong} entries are not what the log says: made anew when needed"
            self._report.note(layout.index_path(path), why)
        self._check_end(path, size, floor.offset, rest, mark, after)
        return floor

    def _take(self, found: Found, mark: Mark | None, index: dict[int, Entry]) -> None:
        """Count a frame, hold the mark against it, and strike it off the index if that is right about it."""
        header = found.header
        self._report.frames += 1
        self._report.records += header.count
        if index.get(found.start) == Entry(header.offset, header.appended, found.start, header.epoch):
            del index[found.start]
        if mark is not None and found.start < mark.position <= found.stop:
            said = (mark.position, mark.next, mark.last, mark.appended, mark.epoch)
            if said != (found.stop, header.next_offset, found.start, header.appended, header.epoch):
                self._report.damage(self._mark_path, 0, MARK_SIZE, "the mark holds, but is not what the log says there")

    def _check_end(
        self, path: str, size: int, next_offset: int, rest: Rest | None, mark: Mark | None, after: int | None
    ) -> None:
        start = rest.start if rest is not None else size
        if mark is not None and start < mark.position:
            stop, promised = max(size, mark.position), after if after is not None else mark.next
            short = f"; the file ends at byte {size}" if size < mark.position else ""
            why = f"{mark.position} bytes had been synced, those from {start} on hold no frames that fit{short}"
            self._report.damage(path, start, stop, why, next_offset, promised)
        elif after is not None and after > next_offset:
            why = "what stood between here and the next segment is gone"
            self._report.damage(path, start, size, why, next_offset, after)
        elif rest is not None:
            why = "a write that did not come to its end" + ("; it was left here" if after is not None else "")
            self._report.torn(path, rest.start, rest.stop, why, next_offset)

    def _read_index(self, path: str, base: int, *, is_last: bool) -> dict[int, Entry]:
        """Return the entries of a segment's index by position; note what is wrong with the file itself."""
        index_path = layout.index_path(path)
        try:
            data = read_whole(self._files, index_path, _INDEX_BYTES_MAX)
        except FileNotFoundError:
            if not is_last:
                self._report.note(index_path, "the index is missing: made anew when needed")
            return {}
        index = indexing.decode(data, indexing.seed(self._name, base), NO_LIMIT)
        if len(index) * ENTRY_SIZE != len(data):
            self._report.note(
                index_path, f"the index is damaged from byte {len(index) * ENTRY_SIZE} on: made anew when needed"
            )
        return {index[place].position: index[place] for place in range(len(index))}
