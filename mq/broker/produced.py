"""What becomes of frames that want an acknowledgement: checked, held against their producer's sequence, appended.

A `written` acknowledgement goes out once its frame is appended, a `durable` one after the next sync. Decides, and
touches no socket.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from mq.broker.counters import CONTROL, Counters
from mq.broker.room import Room
from mq.broker.senders import Senders
from mq.broker.sequences import TAIL_BYTES, Draft, Refusal, Sent, Sequences
from mq.errors import FrameRefused
from mq.frame import ACK_MASK, CRC, PRODUCER, SEQUENCE, Checked, Wanted, ack_key, check, claimed_key, split, wanted
from mq.journal.interface import Journal, Run
from mq.protocol import Acks, Nack

Client = bytes
Reply = tuple[Client, bytes]
Key = tuple[str, int, int]  # topic, producer, sequence
Row = tuple[str, int, int, int, int]  # the same, then offset of the first record, level


@dataclass(slots=True)
class Group:
    """The frames for one topic: who sent those that are to be stored, and those that repeat others."""

    draft: Draft
    senders: list[Client] = field(default_factory=list)
    repeats: list[tuple[Client, Checked, Sent]] = field(default_factory=list)


class Produced:
    """Takes frames to the journal, and keeps who waits for a sync. Used by the journaling thread alone.

    `note` is called with each run that was appended; `senders` are told over which connection a producer's frames came.
    """

    def __init__(
        self,
        journal: Journal,
        room: Room,
        frame_bytes_max: int,
        counters: Counters,
        senders: Senders,
        note: Callable[[Run], None],
    ) -> None:
        self._journal = journal
        self._room = room
        self._senders = senders
        self._note = note
        self._limit = frame_bytes_max
        self._counters = counters
        self._sequences = Sequences(self._tail)
        self._durable: dict[Client, list[Row]] = {}

    @property
    def durable_waiting(self) -> bool:
        """Whether somebody waits for a sync."""
        return bool(self._durable)

    def take(self, produced: Sequence[tuple[Client, bytes]], live: list[bytes]) -> list[Reply]:
        """Append what is good; return the answers that are due now, and add to `live` what is to be published."""
        replies: list[Reply] = []
        checked: list[Checked] = []
        groups: dict[bytes, Group] = {}
        for client, frame in produced:
            refusal = self._sort(client, frame, checked, groups)
            if refusal is not None:
                replies.append(self._refused(client, refusal, claimed_key(frame)))
        return replies + self._append(checked, groups, live)

    def synced(self) -> list[Reply]:
        """Return the durable acknowledgements that a sync has made true."""
        due, self._durable = self._durable, {}
        return [(client, Acks(0, rows).encode()) for client, rows in due.items()]

    def sync_failed(self, why: str) -> list[Reply]:
        """Return the refusals that a failed sync means to those who waited for it."""
        due, self._durable = self._durable, {}
        failed = Refusal("journal_failed", why)
        return [self._refused(client, failed, row[:3]) for client, rows in due.items() for row in rows]

    def _sort(self, client: Client, frame: bytes, checked: list[Checked], groups: dict[bytes, Group]) -> Refusal | None:
        """Put a frame among those to be stored, or those that repeat others; or return why it is not taken."""
        try:
            found = self._check(frame)
            group = groups.get(found[0])
            if group is None:
                group = groups[found[0]] = Group(self._sequences.draft(found[0]))
        except FrameRefused as error:
            return Refusal(error.kind, error.why)
        except OSError as error:
            return Refusal("unreadable", f"whether it repeats another is not known: {error.filename}: {error.strerror}")
        if self._journal.failure is not None:
            return Refusal("journal_failed", self._journal.failure)
        verdict = group.draft.judge(found[PRODUCER], found[SEQUENCE], found[1], found[CRC])
        if isinstance(verdict, Refusal):
            return verdict
        if verdict is None:
            checked.append(found)
            group.senders.append(client)
        else:
            group.repeats.append((client, found, verdict))
        return None

    def _check(self, frame: bytes) -> Checked:
        found = check(frame, self._limit)
        if not found[2] & ACK_MASK:
            raise FrameRefused("ack_missing", "a frame on control names the acknowledgement that it wants")
        return found

    def _append(self, checked: list[Checked], groups: dict[bytes, Group], live: list[bytes]) -> list[Reply]:
        replies: list[Reply] = []
        written: dict[Client, list[Row]] = {}
        for run in self._room.append(checked):
            group = groups[run.topic]
            if run.error is not None:
                refusal = Refusal(run.error.reason, run.error.why)
                self._counters.busy["disk"] += len(run.checked) if refusal.reason == "busy" else 0
                pairs = zip(group.senders, run.checked, strict=True)
                replies += [self._refused(client, refusal, ack_key(frame)) for client, frame in pairs]
                continue
            live += run.frames
            self._note(run)
            group.draft.commit(run.offset)
            offset = run.offset
            for client, frame in zip(group.senders, run.checked, strict=True):
                self._acknowledge(client, frame, offset, written)
                offset += frame[1]
        for group in groups.values():
            replies += self._answer_repeats(group, written)
        return replies + [(client, Acks(0, rows).encode()) for client, rows in written.items()]

    def _answer_repeats(self, group: Group, written: dict[Client, list[Row]]) -> Iterator[Reply]:
        """Acknowledge what was stored before; what repeats a frame that could not be stored now is no better."""
        for client, frame, sent in group.repeats:
            offset = group.draft.offset_of(sent)
            if self._journal.failure is not None:
                yield self._refused(client, Refusal("journal_failed", self._journal.failure), ack_key(frame))
            elif offset is None:
                self._counters.busy["repeat"] += 1
                yield self._refused(client, Refusal("busy", "what it repeats was refused just now"), ack_key(frame))
            else:
                self._counters.frames_repeated += 1
                self._acknowledge(client, frame, offset, written)

    def _acknowledge(self, client: Client, frame: Checked, offset: int, written: dict[Client, list[Row]]) -> None:
        """Note the answer: for now, or for after the next sync."""
        if frame[PRODUCER]:
            self._senders.note(frame[PRODUCER], client)
        level = wanted(frame)
        waiting = self._durable if level is Wanted.DURABLE else written
        waiting.setdefault(client, []).append((*ack_key(frame), offset, int(level)))

    def _refused(self, client: Client, refusal: Refusal, key: Key | None) -> Reply:
        self._counters.refuse(CONTROL, refusal.reason)
        topic, producer, sequence = key or (None, 0, 0)
        return client, Nack(0, refusal.reason, refusal.why, topic, producer, sequence, refusal.expected).encode()

    def _tail(self, topic: bytes) -> Iterator[Sent]:
        """Yield the last frames of a topic's log that had an acknowledgement, oldest first."""
        name = topic.decode("ascii")
        offset, end = self._journal.tail_offset(name, TAIL_BYTES), None
        while end is None or offset < end:
            found = self._journal.read(name, offset, None, TAIL_BYTES)
            for header in (frame.header for frame in split(found.frames)):
                if header.producer and header.wanted is not Wanted.NONE:
                    yield Sent(header.producer, header.sequence, header.count, header.crc, header.offset)
            offset, end = found.next, found.end
