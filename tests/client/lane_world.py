"""One lane, and a broker that keeps the rule of sequences, with a wire between them that loses what a wire may lose."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple

from mq.body import unpack
from mq.broker.sequences import Draft, Refusal, Sent, Sequences
from mq.client.ack import Stored
from mq.client.batch import Batch, Outcome
from mq.client.flight import Window
from mq.client.lanes import Lane
from mq.frame import Checked, Wanted, ack_key, check, pack, seal
from mq.protocol import Nack

TOPIC = "host/n1/cpu"
FOREIGN = 1
TAIL_FRAMES = 6


class Row(NamedTuple):
    """An acknowledgement."""

    producer: int
    sequence: int
    offset: int


Answer = Row | Nack


@dataclass
class Model:
    """The broker: a log that survives it, the rule's memory that is read anew from the log's tail."""

    log: list[bytes] = field(default_factory=list)
    frames: list[Sent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Remember only what the tail of the log tells."""
        self._sequences = Sequences(self._tail)

    def cut(self, frames: int) -> None:
        """Lose the log's last frames, as a loss of power may."""
        if frames:
            self.frames = self.frames[:-frames]
            del self.log[sum(each.count for each in self.frames) :]
        self.restart()

    def turn(self, frames: Iterable[bytes], *, busy: int = 0, word: str = "busy", fails: str = "") -> list[Answer]:
        """Take frames in one turn; `busy` has a bit for each that is not even looked at, and answered by `word`."""
        answers: list[Answer] = []
        draft = self._sequences.draft(TOPIC.encode())
        stored: list[Checked] = []
        repeats: list[tuple[tuple[str, int, int], Sent]] = []
        for at, frame in enumerate(frames):
            found = check(frame)
            key = ack_key(found)
            if busy >> at & 1:
                answers.append(Nack(0, word, "", *key))
                continue
            verdict = draft.judge(key[1], key[2], found[1], found[4])
            if isinstance(verdict, Refusal):
                answers.append(Nack(0, verdict.reason, verdict.why, *key, verdict.expected))
            elif verdict is None:
                stored.append(found)
            else:
                repeats.append((key, verdict))
        answers += self._append(draft, stored, fails)
        for key, sent in repeats:
            offset = draft.offset_of(sent)
            answers.append(Nack(0, "busy", "", *key) if offset is None else Row(key[1], key[2], offset))
        return answers

    def foreign(self, frames: int) -> None:
        """Take frames of another producer."""
        draft = self._sequences.draft(TOPIC.encode())
        first = sum(each.count for each in self.frames if each.producer == FOREIGN)
        offset = len(self.log)
        if frames and draft.judge(FOREIGN, first, 1, 0) is None:
            for number in range(1, frames):
                draft.judge(FOREIGN, first + number, 1, 0)
            draft.commit(offset)
            self.frames += [Sent(FOREIGN, first + number, 1, 0, offset + number) for number in range(frames)]
            self.log += [b"foreign"] * frames

    def _append(self, draft: Draft, stored: list[Checked], fails: str) -> list[Answer]:
        keys = [ack_key(found) for found in stored]
        if fails and fails != "journal_failed":
            return [Nack(0, fails, "", *key) for key in keys]
        offset = len(self.log)
        draft.commit(offset)
        rows: list[Answer] = []
        for found, key in zip(stored, keys, strict=True):
            self.frames.append(Sent(key[1], key[2], found[1], found[4], len(self.log)))
            rows.append(Nack(0, fails, "", *key) if fails else Row(key[1], key[2], len(self.log)))
            self.log += unpack(found[6], found[1], batch=bool(found[2] & 1), codec=0)
        return rows

    def _tail(self, _: bytes) -> list[Sent]:
        return self.frames[-TAIL_FRAMES:]


class World:
    """The lane, the wire to and from the broker, and what the sender of the records was told."""

    def __init__(self) -> None:
        ids = count(100)
        self.now = 0.0
        self.model = Model()
        self.sent: list[Batch] = []
        self.told: dict[Batch, Outcome] = {}
        self.bodies: list[list[bytes]] = []
        self.lost_to_power: set[Batch] = set()
        self._records = count(10_000)
        self._there: deque[bytes] = deque()
        self._back: deque[Answer] = deque()
        self.lane = Lane(
            TOPIC,
            "tcp://broker",
            pack=lambda batch: pack(batch.topic, batch.records),
            settle=self._settle,
            window=Window(frames_max=4),
            new_id=lambda: next(ids),
            chance=lambda: 0.5,
        )

    def hand_over(self, records: int, patience_s: float) -> None:
        """Give the lane a batch."""
        give_up_at = max(self.now + patience_s, self.sent[-1].give_up_at if self.sent else 0.0)
        batch = Batch(TOPIC, 1_000, produced=len(self.sent), due=0.0, give_up_at=give_up_at)
        batch.records = [b"%d" % next(self._records) for _ in range(records)]
        batch.close()
        self.sent.append(batch)
        self.bodies.append(batch.records)
        self.lane.add(batch)

    def send(self, frames: int) -> None:
        """Put so many frames on the wire, if the lane has them."""
        for _ in range(frames):
            found = self.lane.next(self.now)
            if found is None:
                return
            content, sequence, produced = found
            self._there.append(
                seal(content, produced=produced, producer=self.lane.producer, sequence=sequence, wanted=Wanted.WRITTEN)
            )
            self.lane.sent(self.now)

    def turn(self, frames: int, *, busy: int = 0, word: str = "busy", fails: str = "") -> None:
        """Let the broker take so many frames off the wire."""
        taken = [self._there.popleft() for _ in range(min(frames, len(self._there)))]
        self._back += self.model.turn(taken, busy=busy, word=word, fails=fails)

    def answer(self, answers: int, *, lost: bool = False) -> None:
        """Let so many answers arrive, or get lost."""
        for _ in range(min(answers, len(self._back))):
            answer = self._back.popleft()
            if lost:
                continue
            if isinstance(answer, Nack):
                self.lane.refused(answer, self.now)
            else:
                stored = Stored(answer.offset, "written")
                self.lane.acknowledged(answer.producer, answer.sequence, stored, self.now)

    def disconnect(self, arriving: int) -> None:
        """End the connection: of what is on the wire the first `arriving` frames still come to the broker."""
        self.turn(arriving)
        self._there.clear()
        self._back.clear()
        self.lane.disconnected(self.now)

    def cut_power(self, frames: int) -> None:
        """Let the broker lose the end of its log, and the connection."""
        self.disconnect(0)
        self.model.cut(frames)
        end = len(self.model.log)
        for batch, outcome in self.told.items():
            if isinstance(outcome, Stored) and outcome.offset >= end:
                self.lost_to_power.add(batch)

    def wait(self, seconds: float) -> None:
        """Let time go by."""
        self.now += seconds
        self.lane.expire(self.now, seconds)

    def forgets_a_beginning(self, cut: int = 0) -> bool:
        """Whether a restart would forget a life whose first frame has no answer yet, and so may come again.

        It would be taken for the first of a new one: a limit of the rule itself, and this world stays on this side.
        """
        kept = self.model.frames[: len(self.model.frames) - cut]
        ours = self.lane.producer
        if any(each.producer == ours for each in kept[-TAIL_FRAMES:]):
            return False
        first = next((each for each in kept if (each.producer, each.sequence) == (ours, 0)), None)
        return first is not None and not self._answered(first)

    def _answered(self, sent: Sent) -> bool:
        return any(isinstance(it, Stored) and it.offset == sent.offset for it in self.told.values())

    def _settle(self, batch: Batch, outcome: Outcome) -> None:
        assert batch not in self.told, f"told twice: {self.told[batch]!r}, {outcome!r}"
        self.told[batch] = outcome
