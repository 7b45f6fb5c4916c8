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
from viewer.samples import METRICS

RECEIVE_S = 0.5
REOPEN_S = 1.0
TIDY_S = 5.0
COUNT_S = 0.5
CLOSE_S_MAX = 5.0
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
    def body(self) -> bytes:
        """The record."""


class Source(Protocol):
    """What the feed needs of a subscriber."""

    @property
    def connected(self) -> bool:
        """Whether the broker has answered lately."""

    def receive(self, timeout: float | None = None) -> Message | None:
        """Return the next message, or None after `timeout` seconds."""

    def close(self) -> None:
        """Let go of the sockets."""


@dataclass(frozen=True, slots=True)
class Health:
    """How the feed itself is, and how many nodes are how; replaced whole."""

    connected: bool = False
    fault: str = ""
    gaps: int = 0
    states: Counter[State] = field(default_factory=Counter)


class Feed:
    """Follows all nodes, through everything that may happen to the broker.

    `subscribe` opens a source of what is said from some minutes ago on; `last` gives the last word of every topic, so
    that nodes which have said nothing since are known too.
    """

    def __init__(
        self,
        broker: str,
        subscribe: Callable[[], Source],
        last: Callable[[], Iterable[Message]],
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.broker = broker
        self.health = Health()
        self._subscribe, self._last, self._clock = subscribe, last, clock
        self._fleet = Fleet()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._tidy_at = self._count_at = 0.0
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    @contextmanager
    def looking(self) -> Iterator[Fleet]:
        """Give the fleet, which stands still meanwhile: copy what you need, and go."""
        with self._lock:
            yield self._fleet

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
            self._note(connected=source.connected)

    def _take(self, message: Message, *, in_order: bool = True) -> None:
        with self._lock:
            self._fleet.take(message.topic, message.body, message.time, in_order=in_order)

    def _note(self, *, connected: bool) -> None:
        """Say how it is, and tidy up now and then."""
        moment, now, known = time.monotonic(), self._clock(), self.health
        with self._lock:
            if moment >= self._tidy_at:
                self._fleet.tidy(now)
                self._tidy_at = moment + TIDY_S
            states = self._fleet.count(now) if moment >= self._count_at else known.states
        if moment >= self._count_at:
            self._count_at = moment + COUNT_S
        fault = "" if connected else known.fault  # what was wrong is true until the broker answers again
        if (connected, fault, states) != (known.connected, known.fault, known.states):
            self.health = replace(known, connected=connected, fault=fault, states=states)

    def _failed(self, error: Exception) -> None:
        fault = str(error) or type(error).__name__
        if fault != self.health.fault:
            surprise = None if isinstance(error, MqError) else error
            log.error("the samples cannot be read: %s; trying again", fault, exc_info=surprise)
        self.health = replace(self.health, connected=False, fault=fault)
