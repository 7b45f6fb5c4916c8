"""Looking one topic through: its segments against the law of a log, the mark and the indexes against the log."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

from mq.journal import layout
from mq.journal import mark as marks
from mq.journal.files import Files, read_whole
from mq.journal.index_check import IndexCheck
from mq.journal.mark import MARK_SIZE, Mark
from mq.journal.plan import Doubt
from mq.journal.report import Finding, Report
from mq.journal.scan import Damaged, Rest, scan
from mq.journal.segment import SegmentReader
from mq.journal.survey import doubt_about, limit_of_tail
from mq.journal.window import NO_LIMIT, Floor, Found, Window

_TOLD_EACH_BYTES = 8 << 20


class WrongIndex(NamedTuple):
    """The index of the segment `path` is `missing`, or not what the log says.

    `floor` is what the segment's first frame follows, `limit` the offset that it ends below.
    """

    path: str
    base: int
    floor: Floor
    limit: int
    missing: bool
    why: str


class TopicCheck:
    """One look at one topic. What it finds goes into the report; what of it can be mended is kept here as well.

    `tell` is called now and then while the report's bytes grow; names that are `left_out` count as not there. `indexes`
    has those that are wrong: the active one's too where it is missing, which is no fault, for it comes with the next
    checkpoint.
    """

    def __init__(
        self,
        files: Files,
        data: str,
        topic: str,
        report: Report,
        tell: Callable[[], None],
        left_out: frozenset[str],
    ) -> None:
        self.topic = topic
        self.directory = layout.topic_directory(data, topic)
        self.mark_path = os.path.join(self.directory, layout.MARK)
        self.mark_wrong: str | None = None
        self.indexes: list[WrongIndex] = []
        self.epoch = 0
        self._files = files
        self._left_out = left_out
        self._report = report
        self._tell = tell
        self._earlier = len(report.findings)
        self._name = topic.encode() + b"\0"

    @property
    def findings(self) -> list[Finding]:
        """What was found in this topic."""
        return self._report.findings[self._earlier :]

    def run(self) -> None:
        """Look; `epoch` is the latest one seen then.

        The mark is read first and the sizes last, so that of a log that grows meanwhile nothing is missed.
        """
        mark = self._read_mark() if layout.MARK not in self._left_out else None
        names = self.names()
        bases = layout.segment_bases(names)
        floor = Floor(bases[0] if bases else 0, 0, 0)
        for base, after in pairwise([*bases, NO_LIMIT]):
            try:
                floor = self._check_segment(base, floor, mark, after if after != NO_LIMIT else None)
            except FileNotFoundError:
                if base in layout.segment_bases(self._files.names(self.directory)):
                    raise
                continue  # a broker at work has trimmed it meanwhile, with all before it
        if layout.MARK not in names:  # there was none, or a broker at work has deleted it with all there was
            mark = None
        if mark is not None and mark.base > (bases[-1] if bases else -1):
            why = "a segment that had been synced is missing"
            first = floor.offset if bases else mark.base
            self._report.damage(self._path(mark.base), 0, mark.position, why, first, mark.next)
        self._report.topics += bool(bases) or mark is not None
        self.epoch = floor.epoch

    def names(self) -> list[str]:
        """Return the names in the topic's directory that count."""
        return [name for name in self._files.names(self.directory) if name not in self._left_out]

    def _path(self, base: int) -> str:
        return os.path.join(self.directory, layout.segment_name(base))

    def _read_mark(self) -> Mark | None:
        try:
            data = read_whole(self._files, self.mark_path, MARK_SIZE)
        except FileNotFoundError:
            return None
        mark = marks.decode(data, self._name)
        if mark is None and any(data):
            self._note_mark(len(data), "the mark of how far was synced does not hold")
        elif mark is None:
            self.mark_wrong = "the mark is blank, as after a power cut: nothing counts as synced"
            self._report.note(self.mark_path, self.mark_wrong)
        return mark

    def _note_mark(self, size: int, why: str) -> None:
        self.mark_wrong = why
        self._report.damage(self.mark_path, 0, size, why)

    def _check_segment(self, base: int, floor: Floor, mark: Mark | None, after: int | None) -> Floor:
        """Go through a segment, `after` being the base of the next one; return what a frame behind it has to follow."""
        path = self._path(base)
        mark = mark if mark is not None and mark.base == base else None
        index = IndexCheck(self._files, path, self._name, base)
        first = floor = floor._replace(offset=base)
        size = self._files.size(path)
        limit = limit_of_tail(mark.next if mark is not None else base, size) if after is None else after
        rest: Rest | None = None
        told = 0
        with SegmentReader(self._files, path) as read:
            for event in scan(Window(read, size), self._name, 0, floor, limit):
                if isinstance(event, Found):
                    self._take(event, mark)
                    index.strike(event)
                    floor = Floor.after(event.header)
                elif isinstance(event, Damaged):
                    why = "these bytes hold no frames that fit, and good frames follow"
                    self._report.damage(path, event.start, event.stop, why, event.first, event.next)
                else:
                    rest = event
                if event.stop - told >= _TOLD_EACH_BYTES:
                    told = self._count_bytes(told, event.stop)
            doubt = doubt_about(rest, read, self._name, floor, limit)
        self._report.segments += 1
        self._count_bytes(told, size)
        index.end(size)
        self._note_index(index, WrongIndex(path, base, first, limit, index.missing, ""), is_last=after is None)
        if rest is not None and doubt != Doubt() and (mark is None or rest.start >= mark.position):
            after = after if after is not None else (doubt.beyond or floor).offset
            self._report.damage(path, rest.start, rest.stop, _why(doubt), floor.offset, after)
        else:
            self._check_end(path, size, floor.offset, rest, mark, after)
        return floor

    def _take(self, found: Found, mark: Mark | None) -> None:
        """Count a frame, and hold the mark against it."""
        header = found.header
        self._report.frames += 1
        self._report.records += header.count
        if mark is not None and found.start < mark.position <= found.stop:
            said = (mark.position, mark.next, mark.last, mark.appended, mark.epoch)
            if said != (found.stop, header.next_offset, found.start, header.appended, header.epoch):
                self._note_mark(MARK_SIZE, "the mark holds, but is not what the log says there")

    def _count_bytes(self, start: int, stop: int) -> int:
        self._report.bytes += stop - start
        self._tell()
        return stop

    def _note_index(self, index: IndexCheck, wrong: WrongIndex, *, is_last: bool) -> None:
        for why in index.wrong:
            if not (index.missing and is_last):
                self._report.note(index.path, f"{why}: made anew when needed")
        if index.wrong:
            self.indexes.append(wrong._replace(why=index.wrong[-1]))

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
        elif mark is not None and mark.next > next_offset:
            why = f"all before offset {mark.next} had been synced, and is not here"
            self._report.damage(path, start, size, why, next_offset, mark.next)
        elif rest is not None:
            why = "a write that did not come to its end" + ("; it was left here" if after is not None else "")
            self._report.torn(path, rest.start, rest.stop, why, next_offset)


def _why(doubt: Doubt) -> str:
    return "another topic's frames stand here" if doubt.foreign else "damaged, and with frames that may be true"
