"""Hearing topics: their history from a point on, then live, every offset once and in order.

For one thread, which does all the work inside `receive`: it owns both sockets, and while it is elsewhere nothing is
read, so memory stays bounded whatever the backlog.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from operator import length_hint
from types import TracebackType
from typing import TYPE_CHECKING, Literal

from mq.client.consumer import Hold, label
from mq.client.conversation import Conversation
from mq.client.cursor import NO_END
from mq.client.endpoint import context_of
from mq.client.following import Following
from mq.client.identity import new_producer_id
from mq.client.latest import Latest
from mq.client.live import Live
from mq.client.message import Batch, Message, batch_from
from mq.client.replay import nanoseconds
from mq.client.tracker import Tracker
from mq.errors import MqError, TimedOut
from mq.protocol import LABEL_MAX, PATTERNS_MAX, REPORT_TOPICS_MAX, Report, is_label
from mq.topic import Pattern

if TYPE_CHECKING:
    from mq.client.awaiting import Awaiting

RECEIVE_HWM = 1_000
COMMIT_S_MAX = 10.0
LEAVE_S_MAX = 1.0

Start = int | datetime | timedelta | Literal["live"]


class Subscriber:
    """Iterate over it, with `for` or `async for`, or call `receive`. Waits for a broker that is away, and goes on then.

    `start` is an offset, a time of appending, a time back from now, or "live". What cannot be delivered is raised:
    `Gap` (damaged offsets), `Trimmed`, `Rewound`; the next call goes on behind it. With `last` it begins with the last
    record of each topic that there is, and goes on live from there, nothing left out and nothing twice.

    With `latest_only` it hands out the newest record of each topic since that was handed out last, however slow the
    reader is: what came between is passed over, by choice, and is neither fetched nor counted as missing. A record is
    the newest as of a second ago at most.

    With `consumer`, a name, it resumes in each topic where `commit` was last called under that name, and elsewhere at
    `start`, which is 0 then unless it is said. One subscriber holds a name at a time: another one's `receive` raises
    `Refused` (`held`), and goes on once the first has closed, or has not been called for ten seconds.

    `positions` says of topics where each begins instead: offset, and epoch of the record before it (None: not known).

    `name` is what `minimq stats` calls it: host and process unless it is said. Every second it tells the broker its
    lag, what it repaired and what is lost to it, as long as it is called.
    """

    def __init__(  # noqa: PLR0913 - options, each by its name
        self,
        broker: str,
        patterns: str | Sequence[str],
        start: Start | None = None,
        *,
        last: bool = False,
        latest_only: bool = False,
        consumer: str | None = None,
        name: str | None = None,
        receive_hwm: int = RECEIVE_HWM,
        positions: Mapping[str, tuple[int, int | None]] | None = None,
    ) -> None:
        texts = [patterns] if isinstance(patterns, str) else list(patterns)
        _check_choice(start, consumer, last=last, latest_only=latest_only)
        if positions and (consumer is not None or last or latest_only):
            raise ValueError("who begins at positions has no other beginning: leave out consumer, last and latest_only")
        if start is None:
            start = "live" if consumer is None else 0
        self.name = label() if name is None else name
        _check(texts, start, receive_hwm, self.name)
        chosen = [Pattern.parse(text) for text in texts]
        self._hold = Hold(consumer, texts) if consumer is not None else None
        self._tracker = Latest(chosen, last=last) if latest_only else _tracker(chosen, "last" if last else start)
        if self._hold is not None and isinstance(self._tracker, Tracker):
            self._tracker.positions = self._hold.positions
        elif isinstance(self._tracker, Tracker):
            self._tracker.positions = dict(positions or {})
        self._number = new_producer_id()
        self._messages: Iterator[Message] = iter(())
        self._awaiting: Awaiting | None = None
        self._context = context_of(self)
        try:
            talk = Conversation(self._context, broker)
        except MqError:
            self._context.term()
            raise
        live = Live(self._context, chosen, receive_hwm)
        self._following = Following(broker, texts, talk, live, self._tracker, self._hold, self._report)

    @property
    def connected(self) -> bool:
        """Whether the broker has answered within the last seconds, as far as `receive` was called."""
        return self._following.talk.connected

    @property
    def clock_ahead_ns(self) -> int:
        """What the broker's clock is ahead of this machine's, to the ms that an answer takes; 0 until it is known."""
        return self._following.clock_ahead_ns

    @property
    def repaired(self) -> int:
        """How many times something that was missed live had to be fetched."""
        return self._tracker.repaired

    @property
    def lost(self) -> int:
        """How many records cannot be had any more: those of each `Gap` and `Trimmed`."""
        return self._tracker.lost

    @property
    def lag(self) -> int:
        """How many records are known to be there and have not been handed out; of the latest, how many topics."""
        return self._tracker.lag + length_hint(self._messages)

    def receive(self, timeout: float | None = None) -> Message | None:
        """Return the next record, None when none comes within `timeout` seconds."""
        self._following.tend()
        message = next(self._messages, None)
        if message is None:
            batch = self._next_batch(timeout)
            if batch is None:
                return None
            self._messages = iter(list(batch.messages()))
            message = next(self._messages)
        if self._hold is not None:
            self._hold.handed_out(message)
        return message

    def receive_batch(self, timeout: float | None = None) -> Batch | None:
        """Return the next records that came in one frame, None when none come within `timeout` seconds.

        What `receive` has left of a frame comes first.
        """
        self._following.tend()
        batch = batch_from(list(self._messages)) or self._next_batch(timeout)
        if batch is not None and self._hold is not None:
            self._hold.handed_out(batch)
        return batch

    def epoch_of(self, batch: Batch) -> int:
        """Return the epoch of the last of these records: with the offset behind it, the position there."""
        if batch.offset is None or isinstance(self._tracker, Latest):
            return 0
        return self._tracker.epoch_before(batch.topic, batch.offset + len(batch.records))

    def commit(self, timeout: float = COMMIT_S_MAX) -> None:
        """Let this consumer resume behind what was received last, of each topic. Returns once the journal has it.

        Raises `TimedOut`, and `Refused`: `fenced` when another one holds the name by now. Nothing else commits.
        """
        if self._hold is None:
            raise ValueError("there is nothing to commit without a name: Subscriber(..., consumer=NAME)")
        deadline = time.monotonic() + timeout
        for page in self._hold.commits():
            number = self._following.talk.number()
            if not self._following.have_done(self._hold.commit(number, page), deadline):
                raise TimedOut(f"committing {self._hold.name}", timeout)
            self._hold.committed(page)

    def _next_batch(self, timeout: float | None) -> Batch | None:
        found = self._following.next(float("inf") if timeout is None else time.monotonic() + timeout)
        if found is None:
            return None
        if self._hold is not None:
            self._note(self._hold, found)
        if isinstance(found, MqError):
            raise found
        return found

    def _report(self) -> Report:
        """Return what the broker is told each time that it is asked for the ends."""
        most = [list(row) for row in self._tracker.repairs.most_common(REPORT_TOPICS_MAX)]
        told = {"lag": self.lag, "repaired": self.repaired, "lost": self.lost}
        return {"name": self.name, "number": self._number, **told, "topics": most}

    def _note(self, hold: Hold, found: Batch | MqError) -> None:
        if isinstance(found, MqError):
            hold.raised(found)
        elif found.offset is not None:
            hold.took(found, self.epoch_of(found))

    def __iter__(self) -> Iterator[Message]:
        return self

    def __next__(self) -> Message:
        while True:
            message = self.receive()
            if message is not None:
                return message

    def __aiter__(self) -> Subscriber:
        return self

    async def __anext__(self) -> Message:
        """Return the next record; while none comes, other tasks run. For one task at a time."""
        if self._awaiting is None:
            from mq.client.awaiting import Awaiting  # noqa: PLC0415 - who does not await needs none of it

            self._awaiting = Awaiting(self.receive, self._following)
        return await self._awaiting.next()

    def close(self) -> None:
        """Let go of the connections, and of the name. Who iterates in another task is at the end then."""
        following = self._following
        if self._awaiting is not None:
            self._awaiting.end()
        if self._hold is not None and following.greeted and not following.talk.closed:
            with suppress(MqError):
                following.have_done(self._hold.leave(following.talk.number()), time.monotonic() + LEAVE_S_MAX)
        following.close()
        self._context.term()

    def __enter__(self) -> Subscriber:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _tracker(patterns: Sequence[Pattern], start: Start | Literal["last"]) -> Tracker:
    if isinstance(start, (datetime, timedelta)):
        return Tracker(patterns, "live", nanoseconds(start))
    return Tracker(patterns, start)


def _check_choice(start: Start | None, consumer: str | None, *, last: bool, latest_only: bool) -> None:
    """Refuse what says two things at once about where to begin."""
    chosen = "last" if last else "latest_only"
    if (last or latest_only) and consumer is not None:
        raise ValueError(f"a consumer gets all from where it committed on: leave out {chosen}, or consumer")
    if (last or latest_only) and start not in (None, "live"):
        raise ValueError(f"with {chosen} there is no history before it: leave out {chosen}, or start ({start!r})")


def _check(patterns: Sequence[str], start: object, receive_hwm: int, name: str) -> None:
    """Refuse what could only be refused by the broker later, or would mean something else to libzmq."""
    if not 0 < len(patterns) <= PATTERNS_MAX:
        raise ValueError(f"there are 1 to {PATTERNS_MAX} patterns, not {len(patterns)}")
    if receive_hwm < 1:
        raise ValueError(f"receive_hwm is at least 1, not {receive_hwm}: libzmq would take that for no limit")
    if not is_label(name):
        raise ValueError(f"a subscriber's name has 1 to {LABEL_MAX} printable characters, unlike {str(name)[:100]!r}")
    if not (
        start == "live" or isinstance(start, (datetime, timedelta)) or (type(start) is int and 0 <= start < NO_END)
    ):
        raise ValueError(f"start is an offset, a time, a time back from now or 'live', not {start!r}")
