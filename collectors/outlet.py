"""The way out of a collector: finds the broker's ingest port, finds it again where it moves, and pushes."""

from __future__ import annotations

import time
from collections import Counter

from collectors.backlog import Backlog, Sample
from collectors.finder import Finder
from collectors.notices import Notices
from mq.client.push import Push
from mq.errors import MqError, Unreachable

QUEUE_FRAMES_MAX = 16  # few: libzmq keeps the oldest, and what it holds when a connection ends is lost
ASK_AFTER_S = 3.0
PATIENCE_S = 2.0


class NotTaken(MqError):
    """A broker was found, and takes no samples."""


class Outlet:
    """Never blocks for longer than it is told. What the broker does not take waits here, the newest samples of it.

    `dropped` counts those that were given up. Their sequence numbers are left out, so that the broker can tell.
    """

    def __init__(self, broker: str, backlog: Backlog | None = None) -> None:
        self.dropped = 0
        self._broker = broker
        self._backlog = Backlog() if backlog is None else backlog
        self._finder = Finder(broker)
        self._notices = Notices(self._backlog.samples_max)
        self._ingest = ""
        self._push: Push | None = None
        self._never_numbered: Counter[str] = Counter()
        self._stuck_since: float | None = time.monotonic()

    @property
    def busy(self) -> bool:
        """Whether there is a broker to be found, or something that waits for one."""
        return self._push is None or len(self._backlog) > 0

    @property
    def trouble(self) -> str | None:
        """Why samples do not leave, None while they do."""
        return self._notices.trouble

    def send(self, topic: str, body: bytes) -> None:
        """Send a sample that was read now, or keep it for later, with its time."""
        given_up = self._backlog.add(Sample(topic, body, time.time_ns()))
        for sample in given_up:
            self._give_up(sample.topic)
        self._notices.gives_up(len(given_up))
        self._hand_over(0.0)

    def work(self, wait_s: float) -> None:
        """Spend up to `wait_s` seconds on finding the broker, and on handing over what waits."""
        deadline = time.monotonic() + wait_s
        if self._push is None or self._stuck_s() > ASK_AFTER_S:
            self._find(wait_s)
        self._hand_over(deadline - time.monotonic())
        if self._stuck_s() > PATIENCE_S:
            self._notices.silence(self._why_stuck())

    def close(self) -> None:
        """Give what is on its way a moment to leave."""
        self._finder.close()
        self._notices.ends(len(self._backlog))
        if self._push is not None:
            self._push.close()

    def _find(self, wait_s: float) -> None:
        try:
            ingest = self._finder.look(wait_s)
            if ingest is not None and ingest != self._ingest:
                self._go_to(ingest)
        except MqError as error:
            self._notices.answer(error)

    def _go_to(self, ingest: str) -> None:
        if self._push is None:
            self._push = Push(ingest, QUEUE_FRAMES_MAX, immediate=True)
            for topic, count in self._never_numbered.items():
                self._push.skip(topic, count)
        else:
            self._push.move_to(ingest)
        self._ingest = ingest
        self._stuck_since = time.monotonic()

    def _hand_over(self, wait_s: float) -> None:
        """Push what waits, the oldest first, for as long as it is taken; wait so long for that to begin."""
        if self._push is None:
            return
        while self._backlog:
            if not self._push.ready(wait_s):
                self._stuck_since = self._stuck_since or time.monotonic()
                return
            wait_s = 0.0
            self._on_ready()
            sample = self._backlog.take()
            self.dropped += not self._push.send(sample.topic, sample.body, produced=sample.produced)
        self._notices.caught_up()

    def _on_ready(self) -> None:
        self._stuck_since = None
        self._finder.close()
        self._notices.flows(self._ingest)

    def _give_up(self, topic: str) -> None:
        self.dropped += 1
        if self._push is None:
            self._never_numbered[topic] += 1
        else:
            self._push.skip(topic)

    def _stuck_s(self) -> float:
        return 0.0 if self._stuck_since is None else time.monotonic() - self._stuck_since

    def _why_stuck(self) -> MqError:
        if self._push is None:
            return Unreachable(self._broker, PATIENCE_S)
        return NotTaken(f"nobody takes samples at {self._ingest}, where the broker at {self._broker} took them")
