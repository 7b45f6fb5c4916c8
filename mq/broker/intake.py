"""What becomes of a turn: what is pushed is checked, appended and forwarded, what is produced also acknowledged.

Decides, and touches no socket. Used by the journaling thread alone.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from mq.broker.consumer_requests import ConsumerRequest
from mq.broker.consumers import Consumers
from mq.broker.consuming import Consuming
from mq.broker.counters import INGEST, Counters
from mq.broker.last_samples import LastSamples
from mq.broker.ledger import Ledger
from mq.broker.produced import Client, Produced, Reply
from mq.broker.room import Room
from mq.broker.unstored import Unstored
from mq.config import Config
from mq.errors import FrameRefused, JournalError
from mq.frame import ACK_MASK, Checked, check, stamp_unstored
from mq.journal.interface import Journal, Run
from mq.protocol import Control, Delete, Deleted, Failure

_log = logging.getLogger(__name__)


class Change(NamedTuple):
    """A request for who appends, who sent it, and how many produced frames came before it in the turn."""

    place: int
    client: Client
    request: Delete | ConsumerRequest


class Turn(NamedTuple):
    """What arrived in one turn of the proxy: frames from ingest, frames from control with who sent them, changes."""

    ingest: Sequence[bytes]
    produced: Sequence[tuple[Client, bytes]] = ()
    changes: Sequence[Change] = ()


class Done(NamedTuple):
    """What a turn came to: frames to publish, answers to send; `topics` had a write each, of `size` bytes together."""

    live: list[bytes]
    replies: list[Reply]
    topics: int = 0
    size: int = 0


class Intake:
    """Takes turns to the journal. Used by the journaling thread alone."""

    def __init__(
        self,
        journal: Journal,
        config: Config,
        counters: Counters,
        ledger: Ledger,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._journal = journal
        self._limit = config.frame_bytes_max
        self._counters = counters
        self._clock = clock
        self._ledger = ledger
        self.samples = LastSamples(config, counters)
        self.room = Room(journal, config.disk_free_bytes_min)
        self._produced = Produced(journal, self.room, config.frame_bytes_max, counters, ledger.senders, self._note)
        self._consuming = Consuming(journal, config)
        self._unstored = Unstored()
        counters.gauges.update(
            disk_free_bytes=lambda: self.room.free, disk_low=lambda: self.room.low, producers=ledger.__len__
        )

    @property
    def consumers(self) -> Consumers:
        """The consumers there are."""
        return self._consuming.consumers

    @property
    def durable_waiting(self) -> bool:
        """Whether somebody waits for a sync."""
        return self._produced.durable_waiting

    def take(self, turn: Turn) -> Done:
        """Append what is good in a turn, and return what goes out for it now."""
        live: list[bytes] = []
        topics, bytes_before = 0, self._counters.bytes_appended
        if turn.ingest:
            runs = self.room.append(self._check_ingest(turn.ingest))
            topics = len(runs)
            self._forward(runs, live)
        replies: list[Reply] = []
        place = 0
        for change in turn.changes:
            replies += self._produced.take(turn.produced[place : change.place], live)
            replies.append((change.client, self._change(change.request).encode()))
            place = change.place
        replies += self._produced.take(turn.produced[place:], live)
        self._counters.frames_received += len(turn.ingest) + len(turn.produced)
        self._counters.frames_forwarded += len(live)
        self._counters.bytes_forwarded += sum(map(len, live))
        return Done(live, replies, topics, self._counters.bytes_appended - bytes_before)

    def step(self) -> None:
        """See to what time brings. To be called after a sync."""
        self.room.look()
        self._consuming.step()

    def synced(self) -> list[Reply]:
        """Return the durable acknowledgements that a sync has made true."""
        self._counters.syncs += 1
        self._counters.records_synced = self._counters.records_appended
        self._counters.bytes_synced = self._counters.bytes_appended
        return self._produced.synced()

    def sync_failed(self, why: str) -> list[Reply]:
        """Return the refusals that a failed sync means to those who waited for it."""
        return self._produced.sync_failed(why)

    def _check_ingest(self, frames: Sequence[bytes]) -> list[Checked]:
        checked: list[Checked] = []
        keep, limit = checked.append, self._limit
        for frame in frames:
            try:
                found = check(frame, limit)
            except FrameRefused as error:
                self._counters.refuse(INGEST, error.kind)
                continue
            if found[2] & ACK_MASK:
                self._counters.refuse(INGEST, "ack_not_here")
            else:
                keep(found)
        return checked

    def _forward(self, runs: Sequence[Run], live: list[bytes]) -> None:
        """Send runs on; those that the journal could not take go out too, unstored."""
        for run in runs:
            if run.error is None:
                live += run.frames
            else:
                now = self._clock()
                live += [stamp_unstored(frame, now) for frame in run.checked]
                self._counters.frames_unstored += len(run.checked)
            self._note(run)
        self._unstored.note(runs)

    def _note(self, run: Run) -> None:
        self._counters.bytes_appended += run.size
        self._counters.records_appended += run.next - run.offset
        self._ledger.note(run)
        self.samples.note(run)

    def _change(self, request: Delete | ConsumerRequest) -> Control:
        return self._delete(request) if isinstance(request, Delete) else self._consuming.answer(request)

    def _delete(self, request: Delete) -> Control:
        try:
            ends = self._journal.delete(request.topics)
        except (JournalError, OSError) as error:
            _log.error("%d topics, %s first, cannot be deleted: %s", len(request.topics), request.topics[0], error)
            return Failure(request.id, "failed", f"they cannot be deleted now: {error}")
        if ends:
            _log.info("%d topics were deleted on request, %s first", len(ends), ends[0].topic)
        return Deleted(request.id, [list(end) for end in ends])
