"""Producers of both levels and a PUSH that send in rounds: all of one round is under way at once, and then answered.

So it is known of each record whether it was sent before a fault was seen, or after.
"""

from __future__ import annotations

from types import TracebackType
from typing import Literal

from checker import Outcome, Told, assert_dense, body, sort
from load import kept_in, outcome_of

import mq
from mq.client.ack import Ack

TOPICS = ("host/n1/cpu", "host/n1/mem", "host/n2/cpu")
Level = Literal["written", "durable"]
LEVELS: tuple[Level, ...] = ("written", "durable")
FRAMES, SIZE = 4, 300

Sent = tuple[str, list[bytes], Ack]


class Rounds:
    """`told` is what became of every record, `answers` of each frame of the last round, by level and topic, in order.

    `reasons` are those of all refusals.
    """

    def __init__(self, control: str, ingest: str) -> None:
        self.told: list[Told] = []
        self.reasons: set[str] = set()
        self.answers: dict[tuple[str, str], list[Outcome]] = {}
        self._control = control
        self._round = self._number = 0
        self._sync_failed_in: int | None = None
        self._producers = {level: mq.Producer(control, level) for level in LEVELS}
        self._push = mq.Push(ingest)

    def __enter__(self) -> Rounds:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._push.close()
        for producer in self._producers.values():
            producer.close()

    def go(self, topics: tuple[str, ...] = TOPICS, levels: tuple[Level, ...] = LEVELS) -> set[Outcome]:
        """Send a round to each topic, wait for its answers, and return which there were."""
        self._round += 1
        sent: dict[Level, list[Sent]] = {level: [] for level in levels}
        for _ in range(FRAMES):
            for topic in topics:
                for level in levels:
                    sent[level].append(self._send(self._producers[level], level, topic))
        self.answers = {}
        for level, each in sent.items():
            for topic, bodies, ack in each:
                self.answers.setdefault((level, topic), []).append(self._settle(level, topic, bodies, ack))
        return {outcome for each in self.answers.values() for outcome in each}

    def push_in_vain(self, topics: tuple[str, ...]) -> None:
        """Push a record to each topic, which the journal must not take."""
        for topic in topics:
            record = self._body("push")
            self._push.send(topic, record)
            self.told.append(Told(topic, record, "dropped"))

    def hold(self, topics: tuple[str, ...] = TOPICS) -> None:
        """Hold what the journal gives back against what was told."""
        kept = {topic: kept_in(self._control, topic) for topic in topics}
        for records in kept.values():
            assert_dense(records)
        assert not sort(self.told, kept).wrong

    def _send(self, producer: mq.Producer, level: str, topic: str) -> Sent:
        bodies = [self._body(level) for _ in range(3 if self._number % 5 == 0 else 1)]
        ack = producer.send(topic, bodies[0]) if len(bodies) == 1 else producer.send_many(topic, bodies)
        return topic, bodies, ack

    def _body(self, source: str) -> bytes:
        self._number += 1
        return body(source, self._number, SIZE)

    def _settle(self, level: str, topic: str, bodies: list[bytes], ack: Ack) -> Outcome:
        """Wait for an answer, remember what was told, and return it."""
        outcome, last = outcome_of(ack)
        told = outcome
        if outcome == "refused":
            refusal = _refusal(ack)
            self.reasons.add(refusal.reason)
            if level == "durable" and self._is_in_doubt(refusal):
                told = "unknown"
        first = None if last is None else last - len(bodies) + 1
        for at, record in enumerate(bodies):
            self.told.append(Told(topic, record, told, None if first is None else first + at))
        return outcome

    def _is_in_doubt(self, refusal: mq.Refused) -> bool:
        """Whether nobody knows if a durable frame is there: it was under way when a sync failed."""
        if not refusal.detail.startswith("a sync failed"):
            return False
        self._sync_failed_in = self._sync_failed_in or self._round
        return self._round == self._sync_failed_in


def _refusal(ack: Ack) -> mq.Refused:
    try:
        ack.result(0)
    except mq.Refused as refusal:
        return refusal
    raise AssertionError("it was not refused")
