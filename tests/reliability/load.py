"""Producers that go on through every death of their broker, and remember what they were told of each record."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from threading import Event, Thread
from types import TracebackType
from typing import Literal

from checker import Kept, Outcome, Told, body

import mq
from mq.client.ack import Ack
from mq.errors import NotStored

WINDOW = 40
ANSWER_S_MAX = 60.0
SIZE_MAX = 300

Level = Literal["written", "durable"]
Waiting = tuple[str, list[bytes], Ack]


class Worker:
    """A thread with an acknowledged producer and a PUSH, each on a topic of its own and on one shared by all."""

    def __init__(self, name: str, level: Level, ingest: str, control: str, seed: int) -> None:
        self.told: list[Told] = []
        self.acknowledged = self.refused = self.pushed = 0
        self.topics = (f"load/{level}", "load/shared", "load/shared/pushed")
        self._name, self._level, self._ingest, self._control = name, level, ingest, control
        self._chance = random.Random(seed)  # noqa: S311 - the same load each time
        self._numbers: dict[str, int] = {}
        self._waiting: deque[Waiting] = deque()
        self._ends = Event()
        self._thread = Thread(target=self._run, name=name)
        self._thread.start()

    def end(self) -> None:
        """Send nothing more, wait for the answers that are due, and end."""
        self._ends.set()
        self._thread.join()

    def _run(self) -> None:
        with mq.Producer(self._control, self._level) as producer, mq.Push(self._ingest, immediate=True) as push:
            while not self._ends.is_set():
                self._produce(producer, self._chance.choice(self.topics[:2]))
                self._push(push, self._chance.choice(self.topics[1:]))
                if len(self._waiting) >= WINDOW:
                    self._settle()
            while self._waiting:
                self._settle()

    def _produce(self, producer: mq.Producer, topic: str) -> None:
        if self._chance.random() < 0.2:
            bodies = [self._body("batch") for _ in range(3)]
            ack = producer.send_many(topic, bodies)
        else:
            bodies = [self._body("batch")]
            ack = producer.send(topic, bodies[0])
        self._waiting.append((topic, bodies, ack))

    def _push(self, push: mq.Push, topic: str) -> None:
        if not push.ready():
            return
        record = self._body("push")
        sent = push.send(topic, record)
        self.pushed += sent
        self.told.append(Told(topic, record, "unknown" if sent else "dropped"))

    def _settle(self) -> None:
        topic, bodies, ack = self._waiting.popleft()
        outcome, last = outcome_of(ack)
        first = None if last is None else last - len(bodies) + 1
        for at, record in enumerate(bodies):
            self.told.append(Told(topic, record, outcome, None if first is None else first + at))
        self.acknowledged += first is not None
        self.refused += outcome == "refused"

    def _body(self, kind: str) -> bytes:
        """Return the next record of this worker's producer or PUSH, which are sources of their own."""
        source = f"{self._name}/{kind}"
        number = self._numbers[source] = self._numbers.get(source, -1) + 1
        return body(source, number, self._chance.randrange(SIZE_MAX))


class Load:
    """Some workers at once, two of each level."""

    def __init__(self, ingest: str, control: str) -> None:
        levels: tuple[Level, ...] = ("written", "durable") * 2
        self._workers = [
            Worker(f"worker{number}", level, ingest, control, number) for number, level in enumerate(levels)
        ]

    def __enter__(self) -> Load:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """End all workers; what they were told is complete then."""
        for worker in self._workers:
            worker.end()

    @property
    def acknowledged(self) -> int:
        """How many frames have been acknowledged so far."""
        return sum(worker.acknowledged for worker in self._workers)

    def has_grown_by(self, number: int) -> Callable[[], bool]:
        """Return what tells whether so many frames more have been acknowledged than now."""
        wanted = self.acknowledged + number
        return lambda: self.acknowledged >= wanted

    def is_refused(self) -> Callable[[], bool]:
        """Return what tells whether every worker has been refused a frame since now."""
        before = [worker.refused for worker in self._workers]
        return lambda: all(worker.refused > count for worker, count in zip(self._workers, before, strict=True))

    def pushes(self) -> Callable[[], bool]:
        """Return what tells whether every worker has pushed some frames since now: a PUSH comes back later."""
        before = [worker.pushed + 10 for worker in self._workers]
        return lambda: all(worker.pushed > count for worker, count in zip(self._workers, before, strict=True))

    @property
    def told(self) -> list[Told]:
        """What became of every record."""
        return [told for worker in self._workers for told in worker.told]

    @property
    def topics(self) -> list[str]:
        """Every topic that is written to."""
        return sorted({topic for worker in self._workers for topic in worker.topics})


def outcome_of(ack: Ack, seconds: float = ANSWER_S_MAX) -> tuple[Outcome, int | None]:
    """Wait for an answer, and return what it says: a level and the last record's offset, or why there is none."""
    try:
        offset, level = ack.result(seconds)
    except mq.Refused:
        return "refused", None
    except NotStored:
        return "dropped", None
    except (mq.Disconnected, mq.TimedOut):
        return "unknown", None
    return ("durable" if level == "durable" else "written"), offset


def kept_in(control: str, topic: str) -> list[Kept]:
    """Return all that the journal has of a topic, as a replay gives it."""
    found = []
    for message in mq.replay(control, topic):
        assert message.offset is not None
        found.append(Kept(message.offset, message.body))
    return found
