"""How a spool is, and what of it is not stored, or perhaps: counted by kind, and said when a kind begins."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from typing import NamedTuple

from mq.client.ack import Stored
from mq.client.batch import Batch, Outcome
from mq.client.spool_files import SpoolFiles
from mq.client.spool_frames import kept
from mq.errors import MqError, NotStored, Refused, TooLarge

ASIDE_BYTES_MAX = 16 << 20
UNCLEAR = frozenset({"sequence_overlaps", "out_of_sequence", "journal_failed"})

log = logging.getLogger(__name__)


class SpoolState(NamedTuple):
    """How a spool is: records that wait for their acknowledgement, bytes in its files, and what was lost in this life.

    `dropped` records were given up, as too many or too old, or damaged; `refused` ones the broker does not take; of
    `unknown` ones nobody knows whether they are stored. `damaged` counts places in files that could not be read.
    `failure` is why the disk does not take all, as long as that is so, and `memory_only` is how many of the `records`
    are not on it: a kill of the producer would take them along.
    """

    records: int
    bytes: int
    dropped: int
    refused: int
    unknown: int
    damaged: int
    failure: str | None
    memory_only: int


class Losses:
    """Counts of records."""

    def __init__(self, files: SpoolFiles) -> None:
        self._files = files
        self.dropped = self.refused = self.unknown = 0

    def drop(self, error: MqError, records: int) -> None:
        """Count what was given up."""
        self._say(error, self.dropped)
        self.dropped += records

    def take(self, batch: Batch, outcome: Outcome) -> None:
        """Count what is not stored for certain; of what may be keep a copy aside, as far as there is room."""
        if isinstance(outcome, Stored):
            return
        if isinstance(outcome, NotStored):
            self.drop(outcome, batch.count)
        elif isinstance(outcome, TooLarge) or (isinstance(outcome, Refused) and outcome.reason not in UNCLEAR):
            self._say(outcome, self.refused)
            self.refused += batch.count
        else:
            self._say(outcome, self.unknown)
            self.unknown += batch.count
            self._put_aside(batch)

    def _put_aside(self, batch: Batch) -> None:
        if batch.content is None or batch.kept is None:
            return
        wanted, place = batch.kept.wanted, batch.kept.place
        frame = kept(batch.content, wanted=wanted, produced=batch.produced, place=place, now=time.time_ns())
        with suppress(OSError):  # a disk that takes nothing is said elsewhere, and it is counted all the same
            self._files.put_aside(frame, ASIDE_BYTES_MAX)

    def _say(self, error: MqError, before: int) -> None:
        if not before:
            log.error("the spool %s loses records; from now on they are counted: %s", self._files.directory, error)
