"""Following topics: what is to be asked and when, what becomes of the answers, and where live frames go.

It joins the conversation on control, the live socket, the tracker that decides, and the name that may be held. All is
done inside `turn`, so while nobody calls that nothing is read.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import zmq

from mq.client.consumer import Hold, positions_of
from mq.client.conversation import Asked, Conversation
from mq.client.cursor import Found
from mq.client.endpoint import beside
from mq.client.latest import Latest
from mq.client.link import heads_of, refusal
from mq.client.live import Live
from mq.client.tracker import Tracker
from mq.errors import Closed, FrameRefused, MqError, Refused, Rewound
from mq.frame import split
from mq.protocol import (
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
    Last,
    LastFrames,
    Leave,
    OffsetAt,
    OffsetFound,
    PositionList,
    Positions,
    Report,
    Welcome,
)

HEADS_EVERY_S = 1.0
TEND_EVERY_S = 0.1
NEVER = float("inf")


class Following:
    """For one thread. `report` is asked what to tell the broker, each time that the ends are asked for."""

    def __init__(
        self,
        broker: str,
        patterns: list[str],
        talk: Conversation,
        live: Live,
        tracker: Tracker | Latest,
        hold: Hold | None,
        report: Callable[[], Report],
    ) -> None:
        self._broker = broker
        self._patterns = patterns
        self.talk = talk
        self._live = live
        self._tracker = tracker
        self._hold = hold
        self._report = report
        self._next_tending = 0.0
        self._agreed: dict[int, MqError | None] = {}
        self._fenced: Refused | None = None
        self.clock_ahead_ns = 0
        self.is_idle = False
        self._greet()

    def next(self, deadline: float) -> Found | None:
        """Return what is to be handed out next, None when nothing comes in time."""
        if isinstance(self._tracker, Latest):
            self._turn(0.0)  # what came meanwhile takes the place of what waits
        while not self._is_ready():
            self._turn(max(0.0, min(HEADS_EVERY_S, deadline - time.monotonic())))
            if time.monotonic() >= deadline and not self._is_ready():
                return None
        return self._tracker.ready.popleft()

    def tend(self) -> None:
        """Go on asking and reporting while the caller works on what there is: no more is taken in than was asked for.

        So a slow reader is known as slow, and keeps its name. It is cheap to call for each record.
        """
        if time.monotonic() >= self._next_tending and not self.talk.closed:
            self._turn(0.0, only_control=True)

    def _is_ready(self) -> bool:
        """Whether something is ready. Of the latest, the ends that were told last must not be old, if any are told."""
        if isinstance(self._tracker, Latest):
            is_known = time.monotonic() < self._next_heads < NEVER
            if is_known or not self.talk.connected:
                self._tracker.choose()
        return bool(self._tracker.ready)

    def _turn(self, wait_s: float, *, only_control: bool = False) -> None:
        """Ask what is due, then wait for one thing to arrive and take it in."""
        if self.talk.closed:
            raise Closed("this subscriber is closed")
        if self._fenced is not None:
            raise self._fenced.with_traceback(None)
        now = time.monotonic()
        self._next_tending = now + TEND_EVERY_S
        if self.talk.is_lost(now):
            self.talk.begin_anew()
            self._greet()
        if now >= self._next_heads:
            self._look_again(only_control=only_control)
        if self.greeted and not only_control:
            self._ask_wish()
        ready = self._wait(now, wait_s)
        self.is_idle = not ready
        if self.talk.socket in ready:
            self._take_answer()
        if self._live.socket in ready and not only_control:
            self._live.take(self._tracker.on_live)

    def _wait(self, now: float, wait_s: float) -> dict[object, int]:
        poller = zmq.Poller()
        for socket in self.sockets():
            poller.register(socket, zmq.POLLIN)
        until = min(self.due, now + wait_s)
        return dict(poller.poll(round((until - now) * 1000) + 1 if until > now else 0))

    @property
    def due(self) -> float:
        """When there is something to do, though nothing arrives."""
        return min(self._next_heads, self.talk.first_due)

    def sockets(self) -> list[zmq.Socket[bytes]]:
        """Return what something may arrive on."""
        ours = [self.talk.socket, self.talk.monitor]
        return ours if self._live.socket is None else [*ours, self._live.socket]

    def have_done(self, request: Control, deadline: float) -> bool:
        """Ask until it is done, over reconnects too; return whether it is in time. Raises what the broker refuses."""
        while request.id not in self._agreed:
            left = deadline - time.monotonic()
            if left <= 0:
                self.talk.forget(request.id)
                return False
            if self.greeted and not self.talk.has_asked(request.id):
                self.talk.ask(request)
            self._turn(min(HEADS_EVERY_S, left))
        error = self._agreed.pop(request.id)
        if error is not None:
            raise error
        return True

    def close(self) -> None:
        """Let go of the connections."""
        self.talk.close()
        self._live.close()

    def _greet(self) -> None:
        """Ask who is there, on a connection that is new."""
        self._tracker.on_reconnect()
        self.greeted = self._asks_last = False
        self._since = 0
        self._token: int | None = None
        self._next_heads = NEVER
        self.talk.ask(Hello(self.talk.number()))

    def _look_again(self, *, only_control: bool) -> None:
        """Ask for the ends, and say that the name is still held. What lies unread in the live socket is not missing."""
        self._next_heads = NEVER
        if not only_control:
            self._tracker.look_again()
        if self._hold is not None:
            self.talk.ask(self._hold.join(self.talk.number()))
        self.talk.ask(Heads(self.talk.number(), self._patterns, self._since, report=self._report()))

    def _ask_wish(self) -> None:
        wish = self._tracker.wish()
        if wish is None:
            return
        if wish.offset is None:
            self.talk.ask(OffsetAt(self.talk.number(), wish.topic, wish.time))
        else:
            self.talk.ask(Fetch(self.talk.number(), wish.topic, wish.offset, wish.epoch, wish.credit))

    def _take_answer(self) -> None:
        """Take in an answer. One that makes no sense is none, and what was asked for falls due."""
        heard = self.talk.hear()
        if heard is None:
            return
        asked, reply = heard
        match asked.request, reply:
            case Fetch(), Frames():
                self._take_frames(asked.request, reply)
            case Heads(), HeadList():
                self._take_heads(reply)
            case OffsetAt(), OffsetFound() if isinstance(self._tracker, Tracker):
                self._tracker.on_offset(reply)
            case Last(), LastFrames() if isinstance(self._tracker, Tracker):
                self._take_last(self._tracker, reply)
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
                self.talk.put_back(asked)

    def _take_failure(self, asked: Asked, error: MqError) -> None:
        busy = isinstance(error, Refused) and error.reason == "busy"
        if isinstance(asked.request, Join) and asked.request.renew and isinstance(error, Refused) and not busy:
            self._fenced = error  # what is still here is somebody else's now
            return
        if isinstance(asked.request, (Fetch, OffsetAt)):
            self._tracker.on_failure(error)
            if isinstance(error, Rewound):
                self._live.hear_anew()
            return
        if isinstance(asked.request, (Commit, Leave)):
            if not busy:
                self._agreed[asked.request.id] = error
            return
        if not busy:
            self._tracker.ready.append(error)
        if isinstance(asked.request, Last):
            self._asks_last = False  # it is asked for again after the ends
        elif isinstance(asked.request, Heads):
            self._token, self._next_heads = None, time.monotonic() + HEADS_EVERY_S
        else:
            self.talk.put_back(asked)  # so it falls due, and all begins anew

    def _welcome(self, welcome: Welcome) -> None:
        """Subscribe first, then ask for the ends: what falls between is found missing and fetched."""
        self._live.hear(beside(self._broker, welcome, welcome.live), welcome.epoch)
        if self._hold is None:
            self._begin()
        else:
            self.talk.ask(self._hold.join(self.talk.number()))

    def _begin(self) -> None:
        self.greeted = True
        self._next_heads = 0.0

    def _joined(self) -> None:
        """Take in where to resume, the first time; after a reconnect go on."""
        if self._hold is not None and not self._hold.joined:
            self.talk.ask(Positions(self.talk.number(), self._hold.name))
        elif not self.greeted:
            self._begin()

    def _take_positions(self, reply: PositionList) -> None:
        if self._hold is None:
            return
        self._hold.positions |= positions_of(reply)
        if reply.after is not None:
            self.talk.ask(Positions(self.talk.number(), self._hold.name, reply.after))
            return
        self._hold.joined = True
        self._begin()

    def _take_heads(self, reply: HeadList) -> None:
        self._token = reply.token if self._token is None else self._token
        self.clock_ahead_ns = reply.time - time.time_ns() if reply.time else 0
        self._tracker.on_heads(heads_of(reply), complete=reply.after is None)
        if reply.after is not None:
            self.talk.ask(Heads(self.talk.number(), self._patterns, self._since, reply.after))
            return
        self._since, self._token = self._token, None
        self._next_heads = time.monotonic() + HEADS_EVERY_S
        self._ask_last()

    def _ask_last(self, after: str | None = None) -> None:
        """Ask for the last records where they are awaited, or for more of them."""
        if isinstance(self._tracker, Tracker) and self._tracker.awaits_last and not self._asks_last:
            self._asks_last = True
            self.talk.ask(Last(self.talk.number(), self._patterns, after))

    def _take_last(self, tracker: Tracker, reply: LastFrames) -> None:
        self._asks_last = False
        try:
            tracker.on_last(split(reply.frames), complete=reply.after is None)
        except FrameRefused as error:
            self._begin_anew(error)
            return
        self._ask_last(reply.after)

    def _take_frames(self, request: Fetch, reply: Frames) -> None:
        try:
            wanted = self._tracker.on_frames(reply)
        except FrameRefused as error:
            self._begin_anew(error)
            return
        if wanted and reply.more:
            self.talk.expect(request)

    def _begin_anew(self, error: FrameRefused) -> None:
        """Tell of an answer that cannot be, and ask all again on a new connection."""
        self._tracker.ready.append(error)
        self.talk.begin_anew()
        self._greet()
