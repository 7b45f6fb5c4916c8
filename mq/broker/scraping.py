"""What /metrics is made of, gathered by the thread that answers there, while the others go on."""

from __future__ import annotations

import time
from collections.abc import Callable

from mq import __version__
from mq.broker.consumers import Consumer
from mq.broker.counters import Counters
from mq.broker.intake import Intake
from mq.journal.interface import Journal
from mq.metrics.facts import Facts, Standing, Topic
from mq.topic import Pattern

LOOK_EVERY_S, LOOK_SHARE = 1.0, 20  # at most each second, and for a twentieth of the time
_EVERY_TOPIC = [Pattern.parse("#"), Pattern.parse("_mq/#")]
_NO_LIMIT = 2**32


class Scraping:
    """Used by one thread. Going over the topics takes time from all others, so it is done once in a while at most."""

    def __init__(
        self, journal: Journal, counters: Counters, intake: Intake, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._journal = journal
        self._counters = counters
        self._intake = intake
        self._clock = clock
        self._topics: list[Topic] = []
        self._next_look = float("-inf")

    def facts(self) -> Facts:
        """Return what is known now; of the topics, what was so a moment ago."""
        return Facts(
            version=__version__,
            now=time.time(),
            stats=self._counters.as_map(),
            topics=self._all_topics(),
            consumers=[self._standing(each) for each in self._intake.consumers],
            samples=self._intake.samples.all(),
        )

    def _all_topics(self) -> list[Topic]:
        began = self._clock()
        if began >= self._next_look:
            rows, _ = self._journal.topics(_EVERY_TOPIC, None, _NO_LIMIT)
            self._topics = [Topic(*row) for row in rows]
            ended = self._clock()
            self._next_look = ended + max(LOOK_EVERY_S, LOOK_SHARE * (ended - began))
        return self._topics

    def _standing(self, consumer: Consumer) -> Standing:
        positions = [(topic, place.position) for topic, place in list(consumer.places.items())]
        return Standing(consumer.name, len(consumer.members), consumer.open, positions)
