"""Where a subscriber stands in each topic, and what it must fetch. Decides, and touches no socket.

From history to live, and every repair, is one mechanism: frames heard live are handed out only where they join on;
whatever is missing, at the start, after a loss or after a broker's restart, is fetched from the journal, and what was
had already is dropped. The broker's `heads` say where each topic ends, so losses before a silence are found too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mq.client.message import Batch, batch_of
from mq.errors import Gap, MqError, Refused, Rewound, Trimmed
from mq.frame import UNSTORED, Frame, split
from mq.protocol import Frames, OffsetFound
from mq.topic import Pattern

NO_END = 2**64 - 1

Found = Batch | MqError


@dataclass(slots=True)
class Cursor:
    """One topic: the next offset due, and the epoch of the record before it where one was seen.

    `end` is the furthest that the topic is known to reach, `overdue` what it reached an asking ago.
    """

    topic: str
    next: int | None
    epoch: int | None = None
    end: int = 0
    overdue: int = 0
    queued: bool = False


@dataclass(frozen=True, slots=True)
class Wish:
    """Something to ask the broker: frames from an offset on, or the offset of a time."""

    topic: str
    offset: int | None
    epoch: int | None = None
    time: int = 0


class Tracker:
    """Feed it what arrives; take from it what is ready, and what to ask next (one wish at a time)."""

    def __init__(self, patterns: Sequence[Pattern], start: int | Literal["live"], time: int | None = None) -> None:
        self._patterns = patterns
        self._start = start
        self._time = time
        self._cursors: dict[str, Cursor] = {}
        self._listed = False
        self._wanting: deque[Cursor] = deque()
        self._asked: Cursor | None = None
        self.ready: deque[Found] = deque()
        self.repaired = 0

    def on_live(self, frame: Frame) -> None:
        """Take a frame that was heard live."""
        if not any(pattern.matches(frame.topic) for pattern in self._patterns):
            return
        header = frame.header
        if header.offset == UNSTORED:
            self.ready.append(batch_of(frame))
            return
        cursor = self._cursors.get(frame.topic)
        if cursor is None:
            if not self._listed:
                return
            cursor = self._add(Cursor(frame.topic, 0))
        cursor.end = max(cursor.end, header.next_offset)
        if cursor.queued or cursor.next is None:
            return
        if header.offset > cursor.next or (cursor.epoch is not None and header.epoch < cursor.epoch):
            self._want(cursor)
        elif header.next_offset > cursor.next:
            self._hand_out(cursor, frame)
        elif cursor.epoch is not None and header.epoch > cursor.epoch:
            self._want(cursor)

    def on_heads(self, heads: Sequence[tuple[str, int, int]], *, complete: bool) -> None:
        """Take a list of topics' ends; with `complete`, the last page of one asking."""
        for topic, end, epoch in heads:
            cursor = self._cursors.get(topic)
            if cursor is None:
                self._begin(topic, end, epoch)
            elif cursor.next is not None and not cursor.queued:
                self._compare(cursor, end, epoch)
        self._listed = self._listed or complete

    def look_again(self) -> None:
        """Fetch what was missing an asking ago and has not come live since."""
        for cursor in self._cursors.values():
            if not cursor.queued and (cursor.next is None or cursor.next < cursor.overdue):
                self.repaired += 1
                self._want(cursor)
            cursor.overdue = cursor.end

    def on_reconnect(self) -> None:
        """Forget what was asked: nobody will answer it."""
        if self._asked is not None:
            self._wanting.appendleft(self._asked)
            self._asked = None

    def wish(self) -> Wish | None:
        """Return what to ask next, None while something is asked or nothing is missing."""
        if self._asked is not None or not self._wanting:
            return None
        cursor = self._asked = self._wanting.popleft()
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

    def on_frames(self, reply: Frames) -> None:
        """Take a slice of history."""
        cursor = self._asked
        if cursor is None or cursor.topic != reply.topic or cursor.next is None:
            return
        if reply.lost is not None and reply.lost > cursor.next:
            self.ready.append(Gap(cursor.topic, cursor.next, reply.lost))
            cursor.next = reply.lost
        for frame in split(reply.frames):
            self._hand_out(cursor, frame)
        cursor.next, cursor.epoch = max(cursor.next, reply.next), reply.epoch
        cursor.end = max(cursor.end, reply.end)
        if reply.more:
            return
        self._asked = None
        if cursor.next < cursor.end:
            self._wanting.append(cursor)
        else:
            cursor.queued = False

    def on_failure(self, error: MqError) -> None:
        """Take a refusal of what was asked."""
        cursor, self._asked = self._asked, None
        if cursor is None:
            return
        if isinstance(error, (Trimmed, Rewound)):
            cursor.next = error.first_kept if isinstance(error, Trimmed) else error.end
            cursor.epoch, cursor.end = None, 0
            self._wanting.append(cursor)
        else:
            cursor.queued = False  # asked again by `look_again`, not at once
        if not (isinstance(error, Refused) and error.reason == "busy"):
            self.ready.append(error)

    def _begin(self, topic: str, end: int, epoch: int) -> None:
        """Meet a topic: one of before the subscription where the start says, a later one at its beginning."""
        if self._listed:
            self._want(self._add(Cursor(topic, 0, end=end)))
        elif self._time is not None:
            self._want(self._add(Cursor(topic, None, end=end)))
        elif self._start == "live":
            self._add(Cursor(topic, end, epoch if end else None, end, end))
        else:
            self._want(self._add(Cursor(topic, self._start, end=end)))

    def _compare(self, cursor: Cursor, end: int, epoch: int) -> None:
        """Hold a topic's end against the cursor: an earlier end, or another epoch there, is for the broker to judge."""
        position = cursor.next or 0
        if end < position or (end == position and cursor.epoch not in (None, epoch)):
            cursor.end = end
            self._want(cursor)
        else:
            cursor.end = max(cursor.end, end)

    def _add(self, cursor: Cursor) -> Cursor:
        self._cursors[cursor.topic] = cursor
        return cursor

    def _want(self, cursor: Cursor) -> None:
        cursor.queued = True
        self._wanting.append(cursor)

    def _hand_out(self, cursor: Cursor, frame: Frame) -> None:
        part = batch_of(frame).part(cursor.next or 0, NO_END)
        if part is not None:
            self.ready.append(part)
        cursor.next, cursor.epoch = max(cursor.next or 0, frame.header.next_offset), frame.header.epoch
