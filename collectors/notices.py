"""What an outlet tells of itself: one line for each change of state, however long a state lasts."""

from __future__ import annotations

import logging

from mq.errors import MqError

NOTHING, SILENCE, ANSWER = range(3)

log = logging.getLogger(__name__)


class Notices:
    """Hears of everything, and speaks when it is new."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._said = NOTHING
        self.trouble: str | None = None
        self._ingest = ""
        self._given_up = 0

    def silence(self, error: MqError) -> None:
        """Say that nobody takes samples, once until somebody does."""
        self._trouble(error, SILENCE)

    def answer(self, error: MqError) -> None:
        """Say what a broker has against us: news even when it was silent before."""
        self._trouble(error, ANSWER)

    def flows(self, ingest: str) -> None:
        """Say where samples leave to, if they did not before."""
        if self._said != NOTHING or ingest != self._ingest:
            log.info("pushing to %s", ingest)
            self._said, self._ingest, self.trouble = NOTHING, ingest, None

    def gives_up(self, count: int) -> None:
        """Count samples that are given up; say when it begins."""
        if count and not self._given_up:
            log.warning("too many samples wait: from now on the oldest are given up for the newest")
        self._given_up += count

    def caught_up(self) -> None:
        """Say, once no sample waits any more, how many were given up until then."""
        if self._given_up:
            log.warning("no sample waits any more; %d were given up", self._given_up)
            self._given_up = 0

    def ends(self, waiting: int) -> None:
        """Say what is lost by ending now."""
        if waiting:
            log.warning("ending: %d samples that waited are lost", waiting)

    def _trouble(self, error: MqError, weight: int) -> None:
        if weight > self._said:
            self._said, self.trouble = weight, str(error)
            log.warning("%s; trying again, the last %d samples are kept", error, self._kept)
