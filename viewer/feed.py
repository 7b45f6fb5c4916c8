"""One subscriber for the whole process, in a thread of its own; every session reads what it has gathered.

The thread alone touches the subscriber. It meets the sessions in the fleet, under a lock that both hold only briefly.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import Protocol

from mq.errors import Gap, MqError, Rewound, Trimmed
from viewer.fleet import Fleet
from viewer.nodes import State
from viewer.past import Past
from viewer.samples import METRICS
from viewer.series import LIVE
from viewer.silence import Silence

RECEIVE_S = 0.5
REOPEN_S = 1.0
TIDY_S = 5.0
COUNT_S = 0.5
CLOSE_S_MAX = 5.0
THAW_S = 5.0
PATTERNS = [f"host/+/{metric}" for metric in METRICS]

log = logging.getLogger(__name__)


class Message(Protocol):
    """What the feed reads of a message."""

    @property
    def topic(self) -> str:
        """Where it was published."""

    @property
    def time(self) -> int:
        """When the broker appended it."""

    @property
    def offset(self) -> int | None:
        """Its number; None when the journal could not store it."""

    @property
    def body(self) -> bytes:
        """The record."""


class Source(Protocol):
    """What the feed needs of a subscriber."""

    @property
    def connected(self) -> bool:
        """Whether the broker has answered lately."""

    @property
    def clock_ahead_ns(self) -> int:
        """What the broker's clock is ahead of this machine's."""

    def receive(self, timeout: float | None = None) -> Message | None:
        """Return the next message, or None after `timeout` seconds."""

    def close(self) -> None:
        """Let go of the sockets."""


@dataclass(frozen=True, slots=True)
class Health:
    """How the feed itself is, and how many nodes are how; replaced whole.

    `frozen` is the moment at which nodes are judged while the broker is away, and until it can have told what they have
    said since: its absence is not theirs. `unstored` records are on the page only; the last came at `unstored_at`.
    """

    connected: bool = False
    fault: str = ""
    gaps: int = 0
    frozen: int | None = None
    unstored: int = 0
    unstored_at: int = 0
    states: Counter[State] = field(default_factory=Counter)


class Feed:
    """Follows all nodes, through everything that may happen to the broker.

    `subscribe` opens a source of what is said from some minutes ago on; `last` gives the last word of every topic, so
    that nodes which have said nothing since are known too. With a `past` the source is a capsule, and time stands still
    at its end.
    """

    def __init__(
        self,
        broker: str,
        subscribe: Callable[[], Source],
        last: Callable[[], Iterable[Message]],
        clock: Callable[[], int] = time.time_ns,
        past: Past | None = None,
    ) -> None:
        self.broker, self.past = broker, past
        self.scope = past.scope if past is not None else LIVE
        self.health = Health()
        self._subscribe, self._last, self._clock = subscribe, last, clock
        self._fleet = Fleet(scope=self.scope)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._silence = Silence(broker)
        self._tidy_at = self._count_at = self._thaw_at = 0.0
        self._clock_ahead = self._seen = 0
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    @contextmanager
    def looking(self) -> Iterator[Fleet]:
        """Give the fleet, which stands still meanwhile: copy what you need, and go."""
        with self._lock:
            yield self._fleet

    def now(self) -> int:
        """Return the time up to which is shown: the broker's, as far as that is known, or the end of the past."""
        return self.past.stop if self.past is not None else self.server_time()

    def server_time(self) -> int:
        """Return the time by the broker's clock, as far as that is known."""
        return self._clock() + self._clock_ahead

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def close(self) -> None:
        """End the thread, and with it the subscriber."""
        self._stop.set()
        self._thread.join(CLOSE_S_MAX)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with closing(self._subscribe()) as source:
                    self._follow(source)
            except Exception as error:  # noqa: BLE001 - the page must say what it was, and go on
                self._failed(error)
                self._stop.wait(REOPEN_S)

    def _follow(self, source: Source) -> None:
        last_known = False
        while not self._stop.is_set():
            try:
                message = source.receive(timeout=RECEIVE_S)
            except (Gap, Trimmed, Rewound) as gap:
                log.warning("%s", gap)
                self.health = replace(self.health, gaps=self.health.gaps + 1)
                continue
            if message is not None:
                self._take(message)
            if source.connected and not last_known:
                last_known = True
                for known in self._last():
                    self._take(known, in_order=False)
            self._clock_ahead = source.clock_ahead_ns
            self._note(connected=source.connected)

    def _take(self, message: Message, *, in_order: bool = True) -> None:
        with self._lock:
            self._fleet.take(message.topic, message.body, message.time, in_order=in_order)
        if message.offset is None:
            self.health = replace(self.health, unstored=self.health.unstored + 1, unstored_at=message.time)

    def _note(self, *, connected: bool) -> None:
        """Say how it is, and tidy up now and then."""
        moment, now, known = time.monotonic(), self.now(), self.health
        if self.past is None:
            self._silence.note(connected=connected, moment=moment)
        frozen = self._freeze(moment, now, connected=connected)
        with self._lock:
            if moment >= self._tidy_at:
                self._fleet.tidy(now)
                self._tidy_at = moment + TIDY_S
            states = self._fleet.count(frozen or now) if moment >= self._count_at else known.states
        if moment >= self._count_at:
            self._count_at = moment + COUNT_S
        fault = "" if connected else known.fault  # what was wrong is true until the broker answers again
        self.health = replace(known, connected=connected, fault=fault, states=states, frozen=frozen)

    def _freeze(self, moment: float, now: int, *, connected: bool) -> int | None:
        """Return when the broker was heard last, while it is away and for a moment longer; None when it is there.

        Of the past its end is told.
        """
        if self.past is not None:
            return self.past.stop
        if not connected:
            self._thaw_at = moment + THAW_S
            return self._seen or None
        if moment < self._thaw_at and self._seen:
            return self._seen
        self._seen = now
        return None

    def _failed(self, error: Exception) -> None:
        fault = str(error) or type(error).__name__
        if fault != self.health.fault:
            surprise = None if isinstance(error, MqError) else error
            log.error("the samples cannot be read: %s; trying again", fault, exc_info=surprise)
        self.health = replace(self.health, connected=False, fault=fault)
