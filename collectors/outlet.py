"""The way out of a collector: finds the broker's ingest port, and pushes. What comes before that waits, bounded."""

from __future__ import annotations

import logging
import time
from collections import deque

from mq.client.endpoint import beside
from mq.client.link import Link
from mq.client.push import Push
from mq.errors import MqError, Unreachable
from mq.protocol import Hello, Welcome

SAMPLES_WAITING_MAX = 1_000
ASK_AGAIN_S = 5.0
PATIENCE_S = 2.0
_QUESTION = 1

log = logging.getLogger(__name__)


class Outlet:
    """Never blocks for longer than it is told. Until the broker is found the newest samples are kept.

    `dropped` counts those that were given up.
    """

    def __init__(self, broker: str, waiting_max: int = SAMPLES_WAITING_MAX) -> None:
        self._broker = broker
        self._waiting_max = waiting_max
        self._waiting: deque[tuple[str, bytes, int]] = deque(maxlen=waiting_max)
        self._link: Link | None = None
        self._push: Push | None = None
        self._since = time.monotonic()
        self._ask_again = 0.0
        self._said = False
        self._lost_before = 0

    @property
    def dropped(self) -> int:
        """How many samples were given up because too many waited."""
        return self._lost_before + (self._push.dropped if self._push is not None else 0)

    def send(self, topic: str, body: bytes) -> None:
        """Send a sample, or keep it, and with it the time it was produced."""
        if self._push is not None:
            self._push.send(topic, body)
            return
        self._lost_before += len(self._waiting) == self._waiting_max
        self._waiting.append((topic, body, time.time_ns()))

    def look_for_broker(self, wait_s: float) -> bool:
        """Spend up to `wait_s` seconds on finding the broker; return whether it is found."""
        if self._push is not None:
            return True
        now = time.monotonic()
        link = self._link if self._link is not None and now < self._ask_again else self._ask(now)
        try:
            welcome = link.receive(Welcome, _QUESTION, wait_s)
            if welcome is not None:
                self._open(welcome)
            elif now - self._since > PATIENCE_S:
                raise Unreachable(self._broker, PATIENCE_S)
        except MqError as error:
            self._say(str(error))
        return self._push is not None

    def close(self) -> None:
        """Give what is on its way a moment to leave."""
        self._hang_up()
        if self._push is not None:
            self._push.close()

    def _ask(self, now: float) -> Link:
        """Ask on a new connection: on one that nobody answers questions would only pile up."""
        self._hang_up()
        self._ask_again = now + ASK_AGAIN_S
        link = self._link = Link(self._broker)
        link.send(Hello(_QUESTION))
        return link

    def _hang_up(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None

    def _open(self, welcome: Welcome) -> None:
        ingest = beside(self._broker, welcome, welcome.ingest)
        self._push = Push(ingest, self._waiting_max)
        lost = f", {self._lost_before} samples of before were given up" if self._lost_before else ""
        log.info("pushing to %s%s", ingest, lost)
        for topic, body, moment in self._waiting:
            self._push.send(topic, body, produced=moment)
        self._waiting.clear()
        self._hang_up()

    def _say(self, why: str) -> None:
        if not self._said:
            log.warning("%s; trying again, the last %d samples are kept", why, self._waiting_max)
            self._said = True
