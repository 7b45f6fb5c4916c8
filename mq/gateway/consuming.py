"""The next record for a consumer, one at a time: what waits for the same one is committed at once, then answered."""

from __future__ import annotations

import time
import zlib
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from mq.client.link import Link
from mq.client.message import Message
from mq.errors import MqError, Refused, Rewound, Unreachable
from mq.gateway.held import Held
from mq.gateway.limits import Limits
from mq.gateway.workers import Asked, Bug, Overloaded, Pool

DISPATCHERS = 4
TURN_MAX = 200
LOOK_EVERY_S = 0.05
LOST = ("fenced", "no_consumer")
REST_S = 0.1
"""So long a name is left alone after it was held: another gateway that waits for it looks twice in that time."""
TRIES_MAX = 3
DOUBT_S = 60.0
"""So long a name is kept that may be committed without an answer: only who holds it knows what was handed out."""


class Consume(NamedTuple):
    """Who asks for the next record of which topic, and until when it may wait for the name."""

    consumer: str
    topic: str
    deadline: float


Question = Asked[Consume, Message | None]


class Consuming:
    """All consumers, each always with the same dispatcher: so no two questions of one are dealt with at once."""

    def __init__(self, broker: str, limits: Limits) -> None:
        self._patience_s = limits.answer_s_max
        self._pools: list[Pool[Consume, Message | None]] = [
            Pool(
                "consuming",
                [Dispatcher(broker, limits)],
                waiting_max=limits.requests_waiting_max,
                turn_max=TURN_MAX,
                idle_s=LOOK_EVERY_S,
            )
            for _ in range(DISPATCHERS)
        ]

    async def next(self, consumer: str, topic: str) -> Message | None:
        """Return the next record, None when there is none yet. The consumer is behind it, whatever becomes of it."""
        pool = self._pools[zlib.crc32(consumer.encode()) % DISPATCHERS]
        return await pool.ask(Consume(consumer, topic, time.monotonic() + self._patience_s))

    def close(self) -> None:
        """Answer what waits, and let others have the names."""
        for pool in self._pools:
            pool.close()


class Dispatcher:
    """Hands out records: belongs to one thread."""

    def __init__(self, broker: str, limits: Limits) -> None:
        self._link = Link(broker, limits.answer_s_max)
        self._limits = limits
        self._held: dict[str, Held] = {}
        self._put_off: list[Question] = []
        self._resting: dict[str, float] = {}

    def serve(self, questions: Sequence[Question]) -> None:
        """Answer each; those whose consumer somebody else holds wait for a later call."""
        again, self._put_off = self._put_off, []
        by_consumer: dict[str, list[Question]] = {}
        for asked in (*again, *questions):
            by_consumer.setdefault(asked.job.consumer, []).append(asked)
        for name, group in by_consumer.items():
            if time.monotonic() < self._resting.get(name, 0.0):
                self._put_off += group
                continue
            try:
                self._serve(name, group)
            except MqError as error:
                self._failed(name, group, error)
            except Exception as error:
                for asked in group:
                    asked.fail(Bug(str(error)))
                raise
        self._let_go()

    def close(self) -> None:
        """Let go of all names, and of the connection."""
        for held in self._held.values():
            self._leave(held)
        self._link.close()

    def _serve(self, name: str, group: Sequence[Question]) -> None:
        for tries in range(TRIES_MAX):
            held = self._reader(name)
            try:
                found = self._take(held, group)
            except Rewound as error:  # of a commit: the journal has lost its end meanwhile
                held.go_back()
                held.places[error.topic] = error.end, None
                if tries == TRIES_MAX - 1:
                    raise
            except Refused as error:
                if error.reason not in LOST or tries == TRIES_MAX - 1:
                    raise
                del self._held[name]
            else:
                for asked, message in zip(group, found, strict=True):
                    asked.answer(message)
                return

    def _take(self, held: Held, group: Sequence[Question]) -> list[Message | None]:
        held.hold(self._link)
        found = [held.next(self._link, asked.job.topic) for asked in group]
        held.commit(self._link)
        return found

    def _reader(self, name: str) -> Held:
        held = self._held.get(name)
        if held is None:
            if len(self._held) >= self._limits.consumers_max:
                raise Overloaded("too many consumers are at work", "consumers_max", self._limits.consumers_max)
            held = self._held[name] = Held(name)
        return held

    def _failed(self, name: str, group: Sequence[Question], error: MqError) -> None:
        """Tell those who asked; who may wait for the name is asked after again."""
        held = self._held.get(name)
        if held is not None:
            held.go_back()
            if not held.joined:
                del self._held[name]
        now = time.monotonic()
        if held is not None and isinstance(error, Unreachable):
            held.until = now + DOUBT_S
        waits = isinstance(error, Refused) and error.reason == "held"
        for asked in group:
            if waits and now < asked.job.deadline:
                self._put_off.append(asked)
            else:
                asked.fail(error)

    def _let_go(self) -> None:
        """Leave what was held for its time, so others get their turn; fetch less far ahead where it is too much."""
        now = time.monotonic()
        self._resting = {name: until for name, until in self._resting.items() if now < until}
        for held in [each for each in self._held.values() if now >= each.until]:
            self._leave(held)
            self._held.pop(held.name, None)
            self._resting[held.name] = now + REST_S
        if sum(held.bytes_ahead for held in self._held.values()) > self._limits.read_ahead_bytes_max:
            for held in self._held.values():
                held.go_back()

    def _leave(self, held: Held) -> None:
        if held.joined:
            with suppress(MqError):
                held.leave(self._link)
