"""One subscriber for the whole process, in a thread of its own; every session reads what it has gathered.

The thread alone touches the subscriber. It meets the sessions in one immutable `Snapshot`, which it replaces whole.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Protocol

from mq.errors import Gap, MqError, Rewound, Trimmed
from viewer.samples import Malformed, Sample, Window, parse

RECEIVE_S = 0.5
REOPEN_S = 1.0
CLOSE_S_MAX = 5.0

log = logging.getLogger(__name__)


class Message(Protocol):
    """What the feed reads of a message."""

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


def cpu_topic(node: str) -> str:
    """Return the topic of a node's CPU."""
    return f"host/{node}/cpu"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is known at one moment. `version` grows whenever the samples change."""

    version: int = 0
    connected: bool = False
    samples: tuple[Sample, ...] = ()
    skipped: Mapping[str, int] = field(default_factory=dict)
    gaps: int = 0
    fault: str = ""


class Feed:
    """Follows the CPU of one node, through everything that may happen to the broker."""

    def __init__(
        self, node: str, broker: str, subscribe: Callable[[], Source], clock: Callable[[], int] = time.time_ns
    ) -> None:
        self.node, self.broker = node, broker
        self.snapshot = Snapshot()
        self._subscribe, self._clock = subscribe, clock
        self._window = Window()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    @property
    def topic(self) -> str:
        """Where collectors publish it."""
        return cpu_topic(self.node)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def close(self) -> None:
        """End the thread, and with it the subscriber."""
        self._stop.set()
        self._thread.join(CLOSE_S_MAX)

    def take(self, body: bytes) -> None:
        """Put one record into the window, or count why it cannot be."""
        known = self.snapshot
        try:
            self._window.add(parse(body, self._clock()))
        except Malformed as why:
            self.snapshot = replace(known, skipped={**known.skipped, why.kind: known.skipped.get(why.kind, 0) + 1})
        else:
            self.snapshot = replace(known, version=known.version + 1, samples=self._window.all())

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with closing(self._subscribe()) as source:
                    self._follow(source)
            except Exception as error:  # noqa: BLE001 - the page must say what it was, and go on
                self._failed(error)
                self._stop.wait(REOPEN_S)

    def _follow(self, source: Source) -> None:
        while not self._stop.is_set():
            try:
                message = source.receive(timeout=RECEIVE_S)
            except (Gap, Trimmed, Rewound) as gap:
                log.warning("%s", gap)
                self.snapshot = replace(self.snapshot, gaps=self.snapshot.gaps + 1)
                continue
            self._note(connected=source.connected)
            if message is not None:
                self.take(message.body)

    def _note(self, *, connected: bool) -> None:
        known = self.snapshot
        fault = "" if connected else known.fault  # what was wrong is true until the broker answers again
        if (connected, fault) != (known.connected, known.fault):
            self.snapshot = replace(known, connected=connected, fault=fault)

    def _failed(self, error: Exception) -> None:
        fault = str(error) or type(error).__name__
        if fault != self.snapshot.fault:
            surprise = None if isinstance(error, MqError) else error
            log.error("%s: %s; trying again", self.topic, fault, exc_info=surprise)
        self.snapshot = replace(self.snapshot, connected=False, fault=fault)
