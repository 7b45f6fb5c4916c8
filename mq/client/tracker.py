"""Where a subscriber stands in each topic, and what it must fetch. Decides, and touches no socket.

From history to live, and every repair, is one mechanism: frames heard live are handed out only where they join on;
whatever is missing, at the start, after a loss or after a broker's restart, is fetched from the journal, and what was
had already is dropped. The broker's `heads` say where each topic ends, so losses before a silence are found too.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from typing import Literal

from mq.client.cursor import NO_END, Cursor, Found, Wish
from mq.client.message import Batch, batch_of
from mq.errors import FrameRefused, Gap, MqError, Refused, Rewound, Trimmed
from mq.frame import UNSTORED, Frame, split
from mq.protocol import Frames, OffsetFound
from mq.topic import Pattern


class Tracker:
    """Feed it what arrives; take from it what is ready, and what to ask next (one wish at a time).

    With the start "last" it awaits the last record of each topic there is at the beginning, and goes on from there.
    """

    def __init__(
        self, patterns: Sequence[Pattern], start: int | Literal["live", "last"], time: int | None = None
    ) -> None:
        self._patterns = patterns
        self._start = start
        self._time = time
        self._cursors: dict[str, Cursor] = {}
        self._listed = False
        self._unseen: set[str] = set()
        self._wanting: deque[Cursor] = deque()
        self._later: list[Cursor] = []
        self._asked: Cursor | None = None
        self._asked_from = self._asked_end = 0
        self.positions: dict[str, tuple[int, int | None]] = {}
        self._awaiting: dict[str, tuple[int, int]] = {}
        self.ready: deque[Found] = deque()
        self.lost = 0
        self.repairs: Counter[str] = Counter()

    @property
    def repaired(self) -> int:
        """How many times something that was missed live had to be fetched; `repairs` has it by topic."""
        return self.repairs.total()

    @property
    def lag(self) -> int:
        """How many records are known to be there and have not been handed out."""
        ready = sum(len(each.records) for each in self.ready if isinstance(each, Batch))
        missing = (max(0, each.end - each.next) for each in self._cursors.values() if each.next is not None)
        return ready + sum(missing)

    @property
    def awaits_last(self) -> bool:
        """Whether the last records are to be asked for, all of them."""
        return self._listed and bool(self._awaiting)

    def epoch_before(self, topic: str, offset: int) -> int:
        """Return the epoch of the record before an offset, if that was handed out; else 0."""
        cursor = self._cursors.get(topic)
        return cursor.epoch_before(offset) if cursor is not None else 0

    def on_live(self, frame: Frame) -> None:
        """Take a frame that was heard live."""
        if not any(pattern.matches(frame.topic) for pattern in self._patterns):
            return
        header = frame.header
        if header.offset == UNSTORED:
            self._hand_out_unstored(frame)
            return
        cursor = self._cursors.get(frame.topic)
        if cursor is None:
            if not self._listed:
                return
            cursor = self._add(Cursor(frame.topic, *self.positions.pop(frame.topic, (0, None))))
        cursor.end = max(cursor.end, header.next_offset)
        if cursor.queued or cursor.next is None:
            return
        if header.offset > cursor.next:
            self._repair(cursor)
        elif header.next_offset <= cursor.next:
            if cursor.epoch is not None and header.epoch > cursor.epoch:
                self._want(cursor)  # offsets that were given before: the journal lost its end
        elif cursor.next > 0 and cursor.epoch not in (None, header.epoch):
            self._want(cursor)  # another life of the journal: only the journal knows whether it goes on where we are
        else:
            self._hand_out(cursor, frame)

    def on_heads(self, heads: Sequence[tuple[str, int, int]], *, complete: bool) -> None:
        """Take a list of topics' ends; with `complete`, the last page of one asking."""
        for topic, end, epoch in heads:
            self._unseen.discard(topic)
            cursor = self._cursors.get(topic)
            if cursor is None:
                self._begin(topic, end, epoch)
            elif cursor.next is not None and not cursor.queued:
                self._compare(cursor, end, epoch)
        if complete:
            self._listed = True
            self._ask_for_the_unseen()

    def on_last(self, frames: Iterable[Frame], *, complete: bool) -> None:
        """Take last frames of topics; with `complete`, the last page. Live goes on from their last records.

        Raises `FrameRefused`.
        """
        for frame in frames:
            if frame.header.offset == UNSTORED:
                raise FrameRefused("bad_topic", f"as the last record of {frame.topic} came one that is not stored")
            if self._awaiting.pop(frame.topic, None) is not None:
                cursor = self._cursors[frame.topic]
                cursor.next = frame.header.next_offset - 1
                self._hand_out(cursor, frame)
                self._join_on(cursor)
        if complete:  # of the others nothing is kept
            for topic, (end, epoch) in self._awaiting.items():
                cursor = self._cursors[topic]
                cursor.next, cursor.epoch = end, epoch if end else None
                self._join_on(cursor)
            self._awaiting.clear()

    def look_again(self) -> None:
        """Fetch what was missing an asking ago and has not come live since. The ends are to be asked for next."""
        self._wanting += self._later
        self._later.clear()
        for cursor in self._cursors.values():
            if not cursor.queued and (cursor.next is None or cursor.next < cursor.overdue):
                self._repair(cursor)
            cursor.overdue, cursor.had = cursor.end, cursor.next or 0

    def on_reconnect(self) -> None:
        """Forget what was asked: nobody will answer it. The ends of all topics are to be asked for next."""
        self._unseen = set(self._cursors)
        if self._asked is not None:
            self._wanting.appendleft(self._asked)
            self._asked = None

    def wish(self) -> Wish | None:
        """Return what to ask next, None while something is asked or nothing is missing."""
        if self._asked is not None or not self._wanting:
            return None
        cursor = self._asked = self._wanting.popleft()
        self._asked_from, self._asked_end = cursor.next or 0, cursor.end
        if cursor.next is None:
            return Wish(cursor.topic, None, time=self._time or 0)
        return Wish(cursor.topic, cursor.next, cursor.epoch)

    def on_offset(self, found: OffsetFound) -> None:
        """Take the answer to a time: where to begin."""
        cursor = self._asked
        if cursor is not None and cursor.topic == found.topic and cursor.next is None:
            cursor.next = found.offset
            self._asked = None
            self._wanting.append(cursor)

    def on_frames(self, reply: Frames) -> bool:
        """Take a slice of history; return False when the rest of its answer is not wanted.

        A slice may have been dropped on its way. Then the next one does not go on where we are, and what it says is
        lost may be more than that; so all is asked for again, from here. Raises `FrameRefused`.
        """
        cursor = self._asked
        if cursor is None or cursor.topic != reply.topic or cursor.next is None:
            return False
        if reply.lost is not None and reply.lost > cursor.next:
            if cursor.next != self._asked_from:
                return self._ask_again(cursor)
            self.ready.append(Gap(cursor.topic, cursor.next, reply.lost))
            self.lost += reply.lost - cursor.next
            cursor.next = reply.lost
        for frame in split(reply.frames):
            if frame.topic != cursor.topic or frame.header.offset == UNSTORED:
                raise FrameRefused("bad_topic", f"a fetch of {cursor.topic} was answered with something else")
            due = cursor.next or 0
            if frame.header.offset > due:
                return self._ask_again(cursor)
            if frame.header.next_offset > due:
                self._hand_out(cursor, frame)
        if reply.next > (cursor.next or 0):
            return self._ask_again(cursor)
        cursor.epoch = reply.epoch
        cursor.end = max(cursor.end, reply.end)
        if not reply.more:
            self._finish(cursor, reply.end)
        return True

    def _finish(self, cursor: Cursor, end: int) -> None:
        """End an asking, which found the topic's end at `end`. Go on, if there is more by now."""
        if end < self._asked_end:  # what was heard of beyond is no longer there
            cursor.end = cursor.overdue = end
        self._asked = None
        self._join_on(cursor)

    def _join_on(self, cursor: Cursor) -> None:
        """Fetch what has come meanwhile, or else go on live."""
        if (cursor.next or 0) < cursor.end:
            self._wanting.append(cursor)
        else:
            cursor.queued = False

    def on_failure(self, error: MqError) -> None:
        """Take a refusal of what was asked."""
        cursor, self._asked = self._asked, None
        if cursor is None:
            return
        if isinstance(error, (Trimmed, Rewound)):
            if isinstance(error, Trimmed):
                self.lost += max(0, error.first_kept - error.wanted)
            cursor.next = error.first_kept if isinstance(error, Trimmed) else error.end
            cursor.epoch, cursor.end = None, 0
            cursor.lives.clear()
            self._wanting.append(cursor)
        else:
            self._later.append(cursor)
        if not (isinstance(error, Refused) and error.reason == "busy"):
            self.ready.append(error)

    def _begin(self, topic: str, end: int, epoch: int) -> None:
        """Meet a topic: at its position, if it has one; else where the start says, a later one at its beginning."""
        if topic in self.positions:
            offset, known = self.positions.pop(topic)
            cursor = self._add(Cursor(topic, offset, known, end, end))
            if (offset, known) != (end, epoch):
                self._want(cursor)
        elif self._listed:
            self._want(self._add(Cursor(topic, 0, end=end)))
        elif self._time is not None:
            self._want(self._add(Cursor(topic, None, end=end)))
        elif self._start == "last":
            self._add(Cursor(topic, None, end=end, queued=True))
            self._awaiting[topic] = end, epoch
        elif self._start == "live":
            self._add(Cursor(topic, end, epoch if end else None, end, end))
        else:
            self._want(self._add(Cursor(topic, self._start, end=end)))

    def _compare(self, cursor: Cursor, end: int, epoch: int) -> None:
        """Hold a topic's end against the cursor: an earlier end, or another epoch there, is for the broker to judge.

        Earlier than when the ends were asked for, that is: live frames may have come in since.
        """
        if end < cursor.had or (end == cursor.next and cursor.epoch not in (None, epoch)):
            self._want(cursor)
        else:
            cursor.end = max(cursor.end, end)

    def _add(self, cursor: Cursor) -> Cursor:
        self._cursors[cursor.topic] = cursor
        return cursor

    def _ask_for_the_unseen(self) -> None:
        """Let the broker say what became of topics that it does not list any more."""
        for topic in self._unseen:
            cursor = self._cursors[topic]
            if cursor.next and not cursor.queued:
                self._want(cursor)
        self._unseen.clear()

    def _want(self, cursor: Cursor) -> None:
        cursor.queued = True
        self._wanting.append(cursor)

    def _repair(self, cursor: Cursor) -> None:
        self.repairs[cursor.topic] += 1
        self._want(cursor)

    def _ask_again(self, cursor: Cursor) -> Literal[False]:
        self._asked = None
        self._wanting.appendleft(cursor)
        return False

    def _hand_out_unstored(self, frame: Frame) -> None:
        try:
            self.ready.append(batch_of(frame))
        except FrameRefused as error:
            self.ready.append(error)

    def _hand_out(self, cursor: Cursor, frame: Frame) -> None:
        try:
            part = batch_of(frame).part(cursor.next or 0, NO_END)
        except FrameRefused as error:  # its checksums hold, but it cannot be unpacked here: again would not help
            self.ready.append(error)
        else:
            if part is not None:
                self.ready.append(part)
                if cursor.epoch_before(frame.header.next_offset) != frame.header.epoch:
                    cursor.lives.append((cursor.next or 0, frame.header.epoch))
        cursor.next, cursor.epoch = frame.header.next_offset, frame.header.epoch
