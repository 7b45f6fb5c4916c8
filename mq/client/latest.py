"""The newest record of each topic, and nothing else: what comes between is passed over, by choice. Touches no socket.

Of each topic at most one frame waits. The broker's `heads` say whether it is the newest: where it is not, since a slow
reader hears late what went out live, the last record is fetched when its turn comes, and never what was before it.
A record is newer than another when its epoch is later, or else its offset, so no more is needed where a journal has
lost its end.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mq.client.cursor import Found, Wish
from mq.client.message import batch_of
from mq.errors import FrameRefused, MqError, Refused, Rewound, Trimmed
from mq.frame import UNSTORED, Frame, split
from mq.protocol import Frames
from mq.topic import Pattern

LATEST_TOPICS_MAX = 100_000
LATEST_BYTES_MAX = 64 << 20
ONE_FRAME = 1

Place = tuple[int, int]


@dataclass(slots=True)
class Newest:
    """One topic: the epoch and end of what is `known` to be there, what was `had`, and the frame that waits.

    `kept` is what was known when that frame came: where more is known by now, it is not the newest.
    """

    topic: str
    known: Place
    had: Place
    frame: Frame | None = None
    kept: Place = (0, 0)


class Latest:
    """Feed it what arrives; `choose` what is to be handed out next, and ask what it wishes (one wish at a time).

    With `last`, what each topic ended with at the beginning is handed out too.
    """

    def __init__(self, patterns: Sequence[Pattern], *, last: bool = False) -> None:
        self._patterns = patterns
        self._last = last
        self._topics: dict[str, Newest] = {}
        self._waiting: dict[str, Newest] = {}
        self._bytes = 0
        self._listed = False
        self._is_full = False
        self._pausing = False
        self._wanted: Newest | None = None
        self._asked: Newest | None = None
        self._asked_for: Place = (0, 0)
        self.ready: deque[Found] = deque()
        self.repaired = self.lost = 0  # what is passed over is neither
        self.repairs: Counter[str] = Counter()

    @property
    def lag(self) -> int:
        """How many records are to be handed out: one of each topic that has a newer one."""
        return len(self._waiting) + len(self.ready)

    def on_live(self, frame: Frame) -> None:
        """Take a frame that was heard live: it takes the place of the one before it."""
        if not any(pattern.matches(frame.topic) for pattern in self._patterns):
            return
        header = frame.header
        newest = self._topics.get(frame.topic)
        if newest is None and self._listed:
            newest = self._meet(frame.topic, (0, 0))
        if newest is None:
            return
        if header.offset == UNSTORED:
            self._keep(newest, frame)
        elif (place := (header.epoch, header.next_offset)) > newest.known:
            newest.known = place
            self._keep(newest, frame)
        elif place == newest.known > newest.had and newest.frame is None:
            self._keep(newest, frame)

    def on_heads(self, heads: Iterable[tuple[str, int, int]], *, complete: bool) -> None:
        """Take a list of topics' ends; with `complete`, the last page of one asking."""
        for topic, end, epoch in heads:
            if end == 0:
                continue
            newest = self._topics.get(topic)
            if newest is None and (newest := self._meet(topic, self._had_at_first(end, epoch))) is None:
                continue
            newest.known = max(newest.known, (epoch, end))
            if newest.known > newest.had:
                self._waiting.setdefault(topic, newest)
        self._listed |= complete

    def look_again(self) -> None:
        """Try again what was refused. The ends are to be asked for next."""
        self._pausing = False

    def on_reconnect(self) -> None:
        """Forget what was asked: nobody will answer it."""
        self._asked = None

    def choose(self) -> None:
        """Make ready what is next, or wish for it. To be called when the ends that were told are not old."""
        self._wanted = None
        newest = next(iter(self._waiting.values()), None)
        if newest is None or self.ready or self._asked is not None:
            return
        frame = newest.frame
        if frame is not None and newest.kept >= newest.known:
            self._drop(newest)
            self._hand_out(newest, frame, newest.kept)
        else:
            self._wanted = newest

    def wish(self) -> Wish | None:
        """Return what to ask next, None while something is asked or nothing is missing."""
        if self._asked is not None or self._wanted is None or self._pausing:
            return None
        newest = self._asked = self._wanted
        self._wanted, self._asked_for = None, newest.known
        return Wish(newest.topic, newest.known[1] - 1, credit=ONE_FRAME)

    def on_frames(self, reply: Frames) -> bool:
        """Take the last record of a topic, which may have grown since. Raises `FrameRefused`."""
        newest = self._asked
        if newest is None or newest.topic != reply.topic:
            return False
        self._asked = None
        frame = None
        for frame in split(reply.frames):
            if frame.topic != newest.topic or frame.header.offset == UNSTORED:
                raise FrameRefused("bad_topic", f"a fetch of {newest.topic} was answered with something else")
        if frame is None:  # it is damaged; what is newer comes when there is something newer
            self._pass_over(newest)
        elif (place := (frame.header.epoch, frame.header.next_offset)) > newest.had:
            newest.known = max(newest.known, place) if newest.known != self._asked_for else place
            self._hand_out(newest, frame, place)
        else:
            self._pass_over(newest)
        return False

    def on_failure(self, error: MqError) -> None:
        """Take a refusal of what was asked. What is not there any more was no record's fault: a newer one will come."""
        newest, self._asked = self._asked, None
        if newest is not None and isinstance(error, (Trimmed, Rewound)):
            self._pass_over(newest)
            return
        self._pausing = True
        if newest is not None and newest.topic in self._waiting:
            self._waiting[newest.topic] = self._waiting.pop(newest.topic)
        if not (isinstance(error, Refused) and error.reason == "busy"):
            self.ready.append(error)

    def _had_at_first(self, end: int, epoch: int) -> Place:
        """Return what counts as had of a topic that is met: all, at the beginning, unless the last records are due."""
        return (0, 0) if self._listed or self._last else (epoch, end)

    def _meet(self, topic: str, had: Place) -> Newest | None:
        if len(self._topics) >= LATEST_TOPICS_MAX:
            if not self._is_full:
                self._is_full = True
                why = f"more than {LATEST_TOPICS_MAX} topics match, and of {topic} nothing is heard: choose fewer"
                self.ready.append(Refused("limit", why))
            return None
        newest = self._topics[topic] = Newest(topic, had, had)
        return newest

    def _keep(self, newest: Newest, frame: Frame) -> None:
        """Let a frame wait; where that is too much, it is fetched when its turn comes."""
        self._drop(newest)
        self._waiting.setdefault(newest.topic, newest)
        size = len(frame.body)
        if self._bytes + size > LATEST_BYTES_MAX and frame.header.offset != UNSTORED:
            return
        self._bytes += size
        newest.frame, newest.kept = frame, newest.known

    def _drop(self, newest: Newest) -> None:
        if newest.frame is not None:
            self._bytes -= len(newest.frame.body)
            newest.frame = None

    def _hand_out(self, newest: Newest, frame: Frame, place: Place) -> None:
        try:
            batch = batch_of(frame)
        except FrameRefused as error:
            self.ready.append(error)
        else:
            before = len(batch.records) - 1
            offset = None if batch.offset is None else batch.offset + before
            self.ready.append(batch._replace(offset=offset, records=batch.records[before:]))
        self._note_had(newest, place)

    def _pass_over(self, newest: Newest) -> None:
        self._note_had(newest, newest.known)

    def _note_had(self, newest: Newest, place: Place) -> None:
        """Go on behind this: to the end of the line, where more is known by now."""
        newest.had = max(newest.had, place)
        frame = newest.frame
        if frame is not None and frame.header.offset != UNSTORED and newest.kept <= newest.had:
            self._drop(newest)
        self._waiting.pop(newest.topic, None)
        if newest.frame is not None or newest.known > newest.had:
            self._waiting[newest.topic] = newest
