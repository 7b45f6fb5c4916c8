"""What becomes of a frame: checked, appended, forwarded, acknowledged. Decides, and touches no socket.

Frames from ingest want no answer; frames from control name the level at which they want one. A `written`
acknowledgement goes out once its frame is appended, a `durable` one after the next sync.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from mq.broker.counters import CONTROL, INGEST, Counters
from mq.broker.unstored import Unstored
from mq.config import Config
from mq.errors import FrameRefused, JournalError
from mq.frame import ACK_MASK, Checked, Wanted, ack_key, check, claimed_key, stamp_unstored, wanted
from mq.journal.interface import Journal, Run
from mq.protocol import Acks, Control, Delete, Deleted, Failure, Nack

_log = logging.getLogger(__name__)

Client = bytes
Reply = tuple[Client, bytes]
Row = tuple[str, int, int, int, int]  # topic, producer, sequence, offset of the first record, level


class Change(NamedTuple):
    """A request that changes the journal, who sent it, and how many produced frames came before it in the turn."""

    place: int
    client: Client
    request: Delete


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
        self, journal: Journal, config: Config, counters: Counters, clock: Callable[[], int] = time.time_ns
    ) -> None:
        self._journal = journal
        self._limit = config.frame_bytes_max
        self._counters = counters
        self._clock = clock
        self._durable: dict[Client, list[Row]] = {}
        self._unstored = Unstored()

    @property
    def durable_waiting(self) -> bool:
        """Whether somebody waits for a sync."""
        return bool(self._durable)

    def take(self, turn: Turn) -> Done:
        """Append what is good in a turn, and return what goes out for it now."""
        live: list[bytes] = []
        topics, bytes_before = 0, self._counters.bytes_appended
        if turn.ingest:
            runs = self._journal.append(self._check_ingest(turn.ingest))
            topics = len(runs)
            self._forward(runs, live)
        replies: list[Reply] = []
        place = 0
        for change in turn.changes:
            replies += self._take_produced(turn.produced[place : change.place], live)
            replies.append((change.client, self._delete(change.request).encode()))
            place = change.place
        replies += self._take_produced(turn.produced[place:], live)
        self._counters.frames_received += len(turn.ingest) + len(turn.produced)
        self._counters.frames_forwarded += len(live)
        return Done(live, replies, topics, self._counters.bytes_appended - bytes_before)

    def synced(self) -> list[Reply]:
        """Return the durable acknowledgements that a sync has made true."""
        due, self._durable = self._durable, {}
        self._counters.syncs += 1
        return [(client, Acks(0, rows).encode()) for client, rows in due.items()]

    def sync_failed(self, why: str) -> list[Reply]:
        """Return the refusals that a failed sync means to those who waited for it."""
        due, self._durable = self._durable, {}
        replies: list[Reply] = []
        for client, rows in due.items():
            for topic, producer, sequence, _, _ in rows:
                self._counters.refuse(CONTROL, "journal_failed")
                replies.append((client, _nack("journal_failed", why, (topic, producer, sequence))))
        return replies

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
        self._count(runs)
        self._unstored.note(runs)

    def _count(self, runs: Sequence[Run]) -> None:
        """Count what was appended: a run that was not has neither bytes nor offsets."""
        self._counters.bytes_appended += sum([run.size for run in runs])
        self._counters.records_appended += sum([run.next - run.offset for run in runs])

    def _take_produced(self, produced: Sequence[tuple[Client, bytes]], live: list[bytes]) -> list[Reply]:
        if not produced:
            return []
        replies: list[Reply] = []
        checked: list[Checked] = []
        senders: dict[bytes, list[Client]] = {}
        for client, frame in produced:
            try:
                found = self._check_produced(frame)
            except FrameRefused as error:
                self._counters.refuse(CONTROL, error.kind)
                replies.append((client, _nack(error.kind, error.why, claimed_key(frame))))
                continue
            checked.append(found)
            senders.setdefault(found[0], []).append(client)
        written: dict[Client, list[Row]] = {}
        runs = self._journal.append(checked)
        self._count(runs)
        for run in runs:
            if run.error is None:
                live += run.frames
                self._acknowledge(run, senders[run.topic], written)
            else:
                self._refuse(run, senders[run.topic], replies)
        return replies + [(client, Acks(0, rows).encode()) for client, rows in written.items()]

    def _delete(self, request: Delete) -> Control:
        try:
            ends = self._journal.delete(request.topics)
        except (JournalError, OSError) as error:
            _log.error("%d topics, %s first, cannot be deleted: %s", len(request.topics), request.topics[0], error)
            return Failure(request.id, "failed", f"they cannot be deleted now: {error}")
        if ends:
            _log.info("%d topics were deleted on request, %s first", len(ends), ends[0].topic)
        return Deleted(request.id, [list(end) for end in ends])

    def _check_produced(self, frame: bytes) -> Checked:
        found = check(frame, self._limit)
        if not found[2] & ACK_MASK:
            raise FrameRefused("ack_missing", "a frame on control names the acknowledgement that it wants")
        return found

    def _acknowledge(self, run: Run, senders: list[Client], written: dict[Client, list[Row]]) -> None:
        offset = run.offset
        for client, frame in zip(senders, run.checked, strict=True):
            level = wanted(frame)
            waiting = self._durable if level is Wanted.DURABLE else written
            waiting.setdefault(client, []).append((*ack_key(frame), offset, int(level)))
            offset += frame[1]

    def _refuse(self, run: Run, senders: list[Client], replies: list[Reply]) -> None:
        reason, why = (run.error.reason, run.error.why) if run.error else ("", "")
        for client, frame in zip(senders, run.checked, strict=True):
            self._counters.refuse(CONTROL, reason)
            replies.append((client, _nack(reason, why, ack_key(frame))))


def _nack(reason: str, why: str, key: tuple[str, int, int] | None) -> bytes:
    topic, producer, sequence = key or (None, 0, 0)
    return Nack(0, reason, why, topic, producer, sequence).encode()
