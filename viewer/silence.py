"""A broker that does not answer: said in the log once, and once that it does again."""

from __future__ import annotations

import logging

from mq.errors import Unreachable

PATIENCE_S = 3.0

log = logging.getLogger(__name__)


class Silence:
    """Hears at each look whether the broker has answered lately, and when that was looked at."""

    def __init__(self, broker: str) -> None:
        self._broker = broker
        self._since: float | None = None
        self._said = False

    def note(self, *, connected: bool, moment: float) -> None:
        """Say what is new, if anything is."""
        if connected:
            if self._said:
                log.warning("the broker at %s answers", self._broker)
            self._since, self._said = None, False
            return
        self._since = moment if self._since is None else self._since
        if not self._said and moment - self._since >= PATIENCE_S:
            log.warning("%s; trying again", Unreachable(self._broker, PATIENCE_S))
            self._said = True
