"""The way out of a collector whose samples are acknowledged: on its disk until they are, whoever restarts."""

from __future__ import annotations

import logging
import time

from mq.client.ack import Ack
from mq.client.producer import Producer
from mq.errors import MqError, NotStored

SPOOL_BYTES_MAX = 64 << 20
BUFFER_BYTES_MAX = 256 << 10
DRAIN_BYTES_S = 1 << 20
PATIENCE_S = 2.0
CLOSE_S = 0.5

log = logging.getLogger(__name__)


class AckedOutlet:
    """Never blocks. What the broker has not acknowledged is in the spool; without a disk too, in a little memory.

    The level is `written`: a sample survives the broker's death, and of its loss of power all but the last second.
    Raises `SpoolHeld`, `SpoolUnusable` and `BadEndpoint`.
    """

    busy = False

    def __init__(self, broker: str, spool: str) -> None:
        self.dropped = 0
        self._broker = broker
        self._spool = spool
        self._producer = Producer(
            broker,
            "written",
            buffer_bytes_max=BUFFER_BYTES_MAX,
            block_s_max=0.0,
            spool=spool,
            spool_bytes_max=SPOOL_BYTES_MAX,
            spool_drain_bytes_s=DRAIN_BYTES_S,
        )
        self._watched: Ack | None = None  # the first that has no answer yet
        self._watched_since = 0.0
        self.trouble: str | None = None
        self._say("%d samples of an earlier run wait in the spool %s")

    def send(self, topic: str, body: bytes) -> None:
        """Send a sample that was read now: it is on the disk when this returns."""
        try:
            ack = self._producer.send(topic, body)
        except NotStored as error:
            if not self.dropped:
                log.error("samples are given up: %s", error)  # noqa: TRY400 - where it happened is known
            self.dropped += 1
            return
        self._watch(ack)

    def work(self, wait_s: float) -> None:
        """Do nothing: the producer works by itself."""

    def close(self) -> None:
        """Give what is on its way a moment to be acknowledged; the rest stays in the spool."""
        try:
            self._producer.close(CLOSE_S)
        except MqError as error:
            log.warning("%s", error)
        self._say("ending: %d samples wait in the spool %s for the next run")

    def _watch(self, ack: Ack) -> None:
        """Say once that no sample is acknowledged, and once that they are again."""
        now = time.monotonic()
        if self._watched is None or self._watched.done:
            if self.trouble is not None:
                log.info("the broker at %s acknowledges samples again", self._broker)
            self._watched, self._watched_since, self.trouble = ack, now, None
        elif now - self._watched_since > PATIENCE_S and self.trouble is None:
            self.trouble = (
                f"no broker at {self._broker} acknowledges samples: they wait in the spool {self._spool}; start one "
                "there, or name another with --broker or MINIMQ_BROKER"
            )
            log.warning("%s", self.trouble)

    def _say(self, sentence: str) -> None:
        state = self._producer.spool
        if state is not None and state.records:
            log.info(sentence, state.records, self._spool)
