"""Which topics have records that a shared consumer has not given out: asked of the journal now and then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from mq.broker.consumers import Consumer
from mq.broker.places import Place
from mq.journal.interface import Journal
from mq.topic import Pattern

LOOK_EVERY_S = 0.1
HEADS_MAX = 10_000


@dataclass(slots=True)
class Source:
    """What is known for one consumer: topics with something new, in the order in which it is their turn.

    `met` are those that were held against the journal in this life of the broker.
    """

    patterns: tuple[str, ...]
    parsed: list[Pattern]
    token: int = 0
    next_look: float = float("-inf")
    ready: dict[str, None] = field(default_factory=dict)
    met: set[str] = field(default_factory=set)


class Sources:
    """Those of all consumers that are at work. Used by the thread that appends."""

    def __init__(self, journal: Journal, clock: Callable[[], float]) -> None:
        self._journal = journal
        self._clock = clock
        self._sources: dict[str, Source] = {}

    def forget(self, name: str) -> None:
        """Begin anew with a consumer."""
        self._sources.pop(name, None)

    def topics(self, consumer: Consumer, count: int) -> Iterator[str]:
        """Yield topics that may have something new; the next time it is the turn of others first."""
        source = self._source(consumer)
        if self._clock() >= source.next_look:
            self._look(source, consumer)
        for topic in list(source.ready)[:count]:
            yield topic
            if topic in source.ready:
                source.ready[topic] = source.ready.pop(topic)

    def is_new(self, consumer: Consumer, topic: str) -> bool:
        """Whether a topic is met for the first time in this life of the broker."""
        met = self._source(consumer).met
        if topic in met:
            return False
        met.add(topic)
        return True

    def is_done(self, consumer: Consumer, topic: str) -> None:
        """Note that all there was has been given out."""
        self._source(consumer).ready.pop(topic, None)

    def _source(self, consumer: Consumer) -> Source:
        source = self._sources.get(consumer.name)
        if source is None or source.patterns != consumer.patterns:
            parsed = [Pattern.parse(text) for text in consumer.patterns]
            source = self._sources[consumer.name] = Source(consumer.patterns, parsed)
        return source

    def _look(self, source: Source, consumer: Consumer) -> None:
        """Take in which topics have changed, a page after another, all of them as they were at the first."""
        source.next_look = self._clock() + LOOK_EVERY_S
        after: str | None = None
        token: int | None = None
        while True:
            heads, now, after = self._journal.heads(source.parsed, source.token, after, HEADS_MAX)
            token = now if token is None else token
            for head in heads:
                place = consumer.places.get(head.topic) or Place()
                if head.next != place.next or (head.topic not in source.met and head.next):
                    source.ready.setdefault(head.topic)
            if after is None:
                source.token = token
                return
