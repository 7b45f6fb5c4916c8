"""The consumers with their log, and which members are heard of: what all that answers about consumers leans on.

What is changed is appended first and applied then, so nobody is told of what a restart would not know.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from mq.broker.consumer_log import ConsumerLog
from mq.broker.consumers import Consumer, Consumers, Event
from mq.errors import MqError
from mq.journal.interface import Journal

SECOND_NS = 1_000_000_000


class Declined(MqError):
    """Why a request about a consumer has no answer, as it is told in a `failure`."""

    def __init__(self, error: str, detail: str, **facts: Any) -> None:
        self.error, self.detail, self.facts = error, detail, facts
        super().__init__(detail)


class Registry:
    """Used by the thread that appends. `clock` is for deadlines, `wall` tells the time in ns."""

    def __init__(
        self,
        journal: Journal,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], int] = time.time_ns,
    ) -> None:
        self.clock = clock
        self._wall = wall
        self._log = ConsumerLog(journal, wall)
        self.all: Consumers = self._log.load()
        self._deadlines: dict[str, dict[int, float]] = {}
        for consumer in self.all:
            for member in consumer.members:
                self.heard_of(consumer, member)

    def now(self) -> int:
        """Return the time in s since the Unix epoch."""
        return self._wall() // SECOND_NS

    def note(self, *events: Event) -> None:
        """Append events, and apply them. Raises `AppendFailed`; then nothing has changed."""
        if not events:
            return
        at = self.now()
        timed = [{**event, "at": at} for event in events]
        self._log.append(timed)
        for event in timed:
            self.all.apply(event)

    def tidy(self) -> None:
        """Keep the log small, after a sync."""
        self._log.tidy(self.all)

    def find(self, name: str) -> Consumer:
        """Return a consumer. Raises `Declined`."""
        consumer = self.all.get(name)
        if consumer is None:
            raise Declined("no_consumer", f"there is no consumer {name}", consumer=name)
        return consumer

    def find_of(self, name: str, member: int) -> Consumer:
        """Return a consumer that this member takes part in, who is heard of by that. Raises `Declined`."""
        consumer = self.find(name)
        if member not in consumer.members:
            why = f"this member takes no part in {name} any more, as it was silent for too long: begin anew"
            raise Declined("fenced", why, consumer=name)
        self.heard_of(consumer, member)
        return consumer

    def heard_of(self, consumer: Consumer, member: int) -> None:
        """Give a member time anew."""
        before = self._deadlines.get(consumer.name, {})
        mine = {each: before[each] for each in consumer.members if each in before}
        self._deadlines[consumer.name] = mine | {member: self.clock() + consumer.members[member].seconds}

    def left_s(self, consumer: Consumer, member: int) -> float:
        """Return how long a member may still be silent; 0 or less when it has been for too long."""
        return self._deadlines.get(consumer.name, {}).get(member, float("-inf")) - self.clock()

    def alive(self, consumer: Consumer) -> list[int]:
        """Return the members that are not silent for too long."""
        return [member for member in consumer.members if self.left_s(consumer, member) > 0]

    def part(self, consumer: Consumer, members: list[int]) -> None:
        """Let members take part no longer: what they hold waits for others. Raises `AppendFailed`."""
        self.note(*({"do": "leave", "consumer": consumer.name, "member": member} for member in members))

    def forget(self, consumer: Consumer) -> None:
        """Delete a consumer. Raises `AppendFailed`."""
        self.note({"do": "delete", "consumer": consumer.name})
        self._deadlines.pop(consumer.name, None)
