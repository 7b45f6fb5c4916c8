"""Hearing topics: their history from a point on, then live, every offset once and in order.

For one thread, which does all the work inside `receive`: it owns both sockets, and while it is elsewhere nothing is
read, so memory stays bounded whatever the backlog.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from types import TracebackType
from typing import Literal, NamedTuple

import zmq

from mq.client.consumer import Hold, positions_of
from mq.client.endpoint import beside, connect
from mq.client.link import heads_of, read, refusal
from mq.client.message import Batch, Message
from mq.client.replay import nanoseconds
from mq.client.tracker import NO_END, Tracker
from mq.errors import Closed, FrameRefused, MqError, Refused, Rewound, TimedOut
from mq.frame import parse
from mq.protocol import (
    PATTERNS_MAX,
    Agreed,
    Commit,
    Control,
    Failure,
    Fetch,
    Frames,
    HeadList,
    Heads,
    Hello,
    Join,
    Leave,
    OffsetAt,
    OffsetFound,
    PositionList,
    Positions,
    Welcome,
)
from mq.topic import Pattern

RECEIVE_HWM = 1_000
HEADS_EVERY_S = 1.0
ANSWER_S_MAX = 3.0
LIVE_BYTES_A_TURN = 1 << 20
LIVE_BYTES_WAITING = 64 << 20
CREDIT_BYTES = 1 << 20
COMMIT_S_MAX = 10.0
LEAVE_S_MAX = 1.0


class Asked(NamedTuple):
    """A question, and when its answer is overdue."""

    request: Control
    due: float


Start = int | datetime | timedelta | Literal["live"]


class Subscriber:
    """Iterate over it, or call `receive`. Waits for a broker that is away, and goes on when it is back.

    `start` is an offset, a time of appending, a time back from now, or "live". What cannot be delivered is raised:
    `Gap` (damaged offsets), `Trimmed`, `Rewound`; the next call goes on behind it. `clock_ahead_ns` is what the
    broker's clock is ahead of this machine's, to the milliseconds that an answer takes; 0 until it is known.

    With `consumer`, a name, it resumes in each topic where `commit` was last called under that name, and elsewhere at
    `start`, which is 0 then unless it is said. One subscriber holds a name at a time: another one's `receive` raises
    `Refused` (`held`), and goes on once the first has closed, or has not been called for ten seconds.
    """

    def __init__(
        self,
        broker: str,
        patterns: str | Sequence[str],
        start: Start | None = None,
        *,
        consumer: str | None = None,
        receive_hwm: int = RECEIVE_HWM,
    ) -> None:
        texts = [patterns] if isinstance(patterns, str) else list(patterns)
        if start is None:
            start = "live" if consumer is None else 0
        _check(texts, start, receive_hwm)
        self._patterns = [Pattern.parse(text) for text in texts]
        self._texts = texts
        moment = nanoseconds(start) if isinstance(start, (datetime, timedelta)) else None
        self._tracker = Tracker(self._patterns, start if isinstance(start, int) else "live", moment)
        self._hold = Hold(consumer, texts) if consumer is not None else None
        self._agreed: dict[int, MqError | None] = {}
        self._broker = broker
        self._window = receive_hwm
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._live: zmq.Socket[bytes] | None = None
        self._heard_from: tuple[str, int] | None = None
        self._messages: Iterator[Message] = iter(())
        self._number = 0
        self.clock_ahead_ns = 0
        self._heard = float("-inf")
        try:
            self._dial()
        except MqError:
            self._context.term()
            raise

    @property
    def connected(self) -> bool:
        """Whether the broker has answered within the last seconds, as far as `receive` was called."""
        return time.monotonic() - self._heard < ANSWER_S_MAX

    @property
    def repaired(self) -> int:
        """How many times something that was missed live had to be fetched."""
        return self._tracker.repaired

    def receive(self, timeout: float | None = None) -> Message | None:
        """Return the next record, None when none comes within `timeout` seconds."""
        message = next(self._messages, None)
        if message is None:
            batch = self._next_batch(timeout)
            if batch is None:
                return None
            self._messages = batch.messages()
            message = next(self._messages)
        if self._hold is not None:
            self._hold.handed_out(message)
        return message

    def receive_batch(self, timeout: float | None = None) -> Batch | None:
        """Return the next records that came in one frame, None when none come within `timeout` seconds."""
        batch = self._next_batch(timeout)
        if batch is not None and self._hold is not None:
            self._hold.handed_out(batch)
        return batch

    def commit(self, timeout: float = COMMIT_S_MAX) -> None:
        """Let this consumer resume behind what was received last, of each topic. Returns once the journal has it.

        Raises `TimedOut`, and `Refused`: `fenced` when another one holds the name by now. Nothing else commits.
        """
        if self._hold is None:
            raise ValueError("there is nothing to commit without a name: Subscriber(..., consumer=NAME)")
        deadline = time.monotonic() + timeout
        for page in self._hold.commits():
            number = self._new_number()
            if not self._have_done(self._hold.commit(number, page), deadline):
                raise TimedOut(f"committing {self._hold.name}", timeout)
            self._hold.committed(page)

    def _have_done(self, request: Control, deadline: float) -> bool:
        """Ask until it is done, over reconnects too; return whether it is in time. Raises what the broker refuses."""
        while request.id not in self._agreed:
            left = deadline - time.monotonic()
            if left <= 0:
                self._asked.pop(request.id, None)
                return False
            if self._control.closed:
                raise Closed("this subscriber is closed")
            if self._greeted and request.id not in self._asked:
                self._ask(request)
            self._turn(min(HEADS_EVERY_S, left))
        error = self._agreed.pop(request.id)
        if error is not None:
            raise error
        return True

    def _next_batch(self, timeout: float | None) -> Batch | None:
        deadline = float("inf") if timeout is None else time.monotonic() + timeout
        while not self._tracker.ready:
            if self._control.closed:
                raise Closed("this subscriber is closed")
            self._turn(max(0.0, min(HEADS_EVERY_S, deadline - time.monotonic())))
            if time.monotonic() >= deadline and not self._tracker.ready:
                return None
        found = self._tracker.ready.popleft()
        if self._hold is not None:
            self._note(self._hold, found)
        if isinstance(found, MqError):
            raise found
        return found

    def _note(self, hold: Hold, found: Batch | MqError) -> None:
        if isinstance(found, MqError):
            hold.raised(found)
        elif found.offset is not None:
            hold.took(found, self._tracker.epoch_before(found.topic, found.offset + len(found.records)))

    def __iter__(self) -> Iterator[Message]:
        return self

    def __next__(self) -> Message:
        while True:
            message = self.receive()
            if message is not None:
                return message

    def close(self) -> None:
        """Let go of the connections, and of the name."""
        if self._hold is not None and self._greeted and not self._control.closed:
            with suppress(MqError):
                self._have_done(self._hold.leave(self._new_number()), time.monotonic() + LEAVE_S_MAX)
        self._hang_up()
        if self._live is not None:
            self._live.close()
        self._context.term()

    def __enter__(self) -> Subscriber:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _dial(self) -> None:
        """Connect to control anew and ask who is there. Nothing that was asked before will be answered."""
        self._control = connect(self._context, zmq.DEALER, self._broker)
        self._monitor = self._control.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        self._tracker.on_reconnect()
        self._greeted = False
        self._since = 0
        self._token: int | None = None
        self._next_heads = float("inf")
        self._asked: dict[int, Asked] = {}
        self._ask(Hello(self._new_number()))

    def _hang_up(self) -> None:
        if not self._control.closed:
            self._control.disable_monitor()
        self._monitor.close()
        self._control.close()

    def _turn(self, wait_s: float) -> None:
        """Ask what is due, then wait for one thing to arrive and take it in."""
        now = time.monotonic()
        if (now >= self._first_due() and not self._control.poll(0)) or self._monitor.poll(0):
            self._hang_up()
            self._dial()
        if now >= self._next_heads:
            self._next_heads = float("inf")
            self._tracker.look_again()
            if self._hold is not None:
                self._ask(self._hold.join(self._new_number()))
            self._ask(Heads(self._new_number(), self._texts, self._since))
        if self._greeted:
            self._ask_wish()
        poller = zmq.Poller()
        poller.register(self._control, zmq.POLLIN)
        poller.register(self._monitor, zmq.POLLIN)
        if self._live is not None:
            poller.register(self._live, zmq.POLLIN)
        until = min(self._next_heads, self._first_due(), now + wait_s)
        ready = dict(poller.poll(max(0, round((until - now) * 1000) + 1)))
        if self._control in ready:
            self._take_answer(self._control.recv())
        if self._live is not None and self._live in ready:
            self._take_live(self._live)

    def _first_due(self) -> float:
        return min((asked.due for asked in self._asked.values()), default=float("inf"))

    def _ask_wish(self) -> None:
        wish = self._tracker.wish()
        if wish is None:
            return
        if wish.offset is None:
            self._ask(OffsetAt(self._new_number(), wish.topic, wish.time))
        else:
            self._ask(Fetch(self._new_number(), wish.topic, wish.offset, wish.epoch, CREDIT_BYTES))

    def _ask(self, request: Control) -> None:
        self._control.send(request.encode(), zmq.NOBLOCK)
        self._asked[request.id] = Asked(request, time.monotonic() + ANSWER_S_MAX)

    def _new_number(self) -> int:
        self._number += 1
        return self._number

    def _take_live(self, live: zmq.Socket[bytes]) -> None:
        room, largest = LIVE_BYTES_A_TURN, 1
        try:
            while room > 0:
                message = live.recv(zmq.NOBLOCK)
                room -= len(message)
                largest = max(largest, len(message))
                self._tracker.on_live(parse(message))
        except (zmq.Again, FrameRefused):
            pass
        self._narrow(LIVE_BYTES_WAITING // largest)

    def _narrow(self, window: int) -> None:
        """Let fewer frames wait in libzmq, which counts them and not their bytes, where large ones come.

        A connection keeps the window that it was made with, so that takes a new one; what is lost by it is fetched.
        """
        if window < self._window // 2:
            self._window = max(1, window)
            self._hear()

    def _take_answer(self, message: bytes) -> None:
        """Take in an answer. One that makes no sense is none, and what was asked for falls due."""
        reply = read(message)
        asked = self._asked.pop(reply.id, None) if reply is not None else None
        if asked is None:
            return
        self._heard = time.monotonic()
        match asked.request, reply:
            case Fetch(), Frames():
                self._take_frames(asked.request, reply)
            case Heads(), HeadList():
                self._take_heads(reply)
            case OffsetAt(), OffsetFound():
                self._tracker.on_offset(reply)
            case Hello(), Welcome():
                self._welcome(reply)
            case Join(), Agreed():
                self._joined()
            case Positions(), PositionList():
                self._take_positions(reply)
            case Commit() | Leave(), Agreed():
                self._agreed[reply.id] = None
            case _, Failure():
                self._take_failure(asked, refusal(reply))
            case _:
                self._asked[asked.request.id] = asked

    def _take_failure(self, asked: Asked, error: MqError) -> None:
        busy = isinstance(error, Refused) and error.reason == "busy"
        if isinstance(asked.request, (Fetch, OffsetAt)):
            self._tracker.on_failure(error)
            if isinstance(error, Rewound):
                self._hear()
            return
        if isinstance(asked.request, (Commit, Leave)):
            if not busy:
                self._agreed[asked.request.id] = error
            return
        if not busy:
            self._tracker.ready.append(error)
        if isinstance(asked.request, Heads):
            self._token, self._next_heads = None, time.monotonic() + HEADS_EVERY_S
        else:
            self._asked[asked.request.id] = asked  # so it falls due, and all begins anew

    def _welcome(self, welcome: Welcome) -> None:
        """Subscribe first, then ask for the ends: what falls between is found missing and fetched."""
        heard_from = beside(self._broker, welcome, welcome.live), welcome.epoch
        if heard_from != self._heard_from:
            self._heard_from = heard_from
            self._hear()
        if self._hold is None:
            self._begin()
        else:
            self._ask(self._hold.join(self._new_number()))

    def _begin(self) -> None:
        self._greeted = True
        self._next_heads = 0.0

    def _joined(self) -> None:
        """Take in where to resume, the first time; after a reconnect go on."""
        if self._hold is not None and not self._hold.joined:
            self._ask(Positions(self._new_number(), self._hold.name))
        elif not self._greeted:
            self._begin()

    def _take_positions(self, reply: PositionList) -> None:
        if self._hold is None:
            return
        self._tracker.positions |= positions_of(reply)
        if reply.after is not None:
            self._ask(Positions(self._new_number(), self._hold.name, reply.after))
            return
        self._hold.joined = True
        self._begin()

    def _hear(self) -> None:
        """Subscribe on a new connection: what an old one still holds may be of a life whose end the journal lost."""
        if self._heard_from is None:
            return
        if self._live is not None:
            self._live.close()
        self._live = connect(self._context, zmq.SUB, self._heard_from[0], self._window)
        for prefix in {prefix for pattern in self._patterns for prefix in pattern.prefixes()}:
            self._live.subscribe(prefix)

    def _take_heads(self, reply: HeadList) -> None:
        self._token = reply.token if self._token is None else self._token
        self.clock_ahead_ns = reply.time - time.time_ns() if reply.time else 0
        self._tracker.on_heads(heads_of(reply), complete=reply.after is None)
        if reply.after is not None:
            self._ask(Heads(self._new_number(), self._texts, self._since, reply.after))
            return
        self._since, self._token = self._token, None
        self._next_heads = time.monotonic() + HEADS_EVERY_S

    def _take_frames(self, request: Fetch, reply: Frames) -> None:
        try:
            wanted = self._tracker.on_frames(reply)
        except FrameRefused as error:
            self._tracker.ready.append(error)
            self._hang_up()
            self._dial()
            return
        if wanted and reply.more:
            self._asked[request.id] = Asked(request, self._heard + ANSWER_S_MAX)


def _check(patterns: Sequence[str], start: object, receive_hwm: int) -> None:
    """Refuse what could only be refused by the broker later, or would mean something else to libzmq."""
    if not 0 < len(patterns) <= PATTERNS_MAX:
        raise ValueError(f"there are 1 to {PATTERNS_MAX} patterns, not {len(patterns)}")
    if receive_hwm < 1:
        raise ValueError(f"receive_hwm is at least 1, not {receive_hwm}: libzmq would take that for no limit")
    if not (
        start == "live" or isinstance(start, (datetime, timedelta)) or (type(start) is int and 0 <= start < NO_END)
    ):
        raise ValueError(f"start is an offset, a time, a time back from now or 'live', not {start!r}")
