"""Going round the topics, a few at a time: closing segments that have got old, deleting what is not to be kept."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from operator import attrgetter, itemgetter
from typing import NamedTuple, TypeVar

from mq.config import KEPT, Config
from mq.errors import JournalError
from mq.journal.catalog import Catalog
from mq.journal.retention import SECOND_NS, Policy, SteadyClock, surplus
from mq.journal.topic_log import TopicLog
from mq.journal.upkeep import Upkeep
from mq.topic import Pattern

TOPICS_A_STEP = 500
ROUND_PAUSE_STEPS = 10
"""How many steps pass between two rounds, so that a journal of few topics is not gone over all the time."""

KEPT_BY_THE_BROKER = frozenset({"_mq/consumers"})
"""Topics that hold a state and no records: whoever writes there trims them."""

STATS_KEPT = {"topic_bytes_max": 64 << 20, "topic_age_s": 86_400.0}
"""What is kept of the broker's figures, unless a setting says otherwise: a record a second is about 60 MB a day."""

_On = TypeVar("_On")
_log = logging.getLogger(__name__)


class Rules(NamedTuple):
    """What is kept of a topic (the first pattern that matches counts) and of all; how long a segment stays open.

    `expiry_ns` is how long a topic stays that holds nothing and is not written to.
    """

    topics: list[tuple[Pattern, Policy]]
    others: Policy
    bytes_max: int
    segment_age_ns: int
    expiry_ns: int

    @classmethod
    def of(cls, config: Config) -> Rules:
        """Return what the settings say."""
        topics = [(rule.pattern, _policy(config, rule.chosen)) for rule in config.retention]
        topics.append((Pattern.parse("_mq/stats"), _policy(config, STATS_KEPT)))
        ages = round(config.segment_age_s * SECOND_NS), round(config.topic_expiry_s * SECOND_NS)
        return cls(topics, _policy(config, {}), config.journal_bytes_max, *ages)

    def policy(self, topic: str) -> Policy:
        """Return what a topic keeps."""
        return next((policy for pattern, policy in self.topics if pattern.matches(topic)), self.others)


def _policy(config: Config, chosen: Mapping[str, float]) -> Policy:
    """Return what is chosen, and for the rest what holds for all topics."""
    bytes_max, records_max, age_s = (chosen.get(name, getattr(config, name)) for name in KEPT)
    return Policy(int(bytes_max), int(records_max), round(age_s * SECOND_NS))


class Tidying:
    """Used by the appending thread alone. A topic that fails is passed over, and tried again in the next round."""

    def __init__(self, catalog: Catalog, upkeep: Upkeep, rules: Rules, clock: SteadyClock) -> None:
        self._catalog = catalog
        self._upkeep = upkeep
        self._rules = rules
        self._clock = clock
        self._pause = 1
        self._waiting: list[TopicLog] = []
        self._expired: list[TopicLog] = []
        self._bytes = self._segments = self._freed = 0
        self._failing = False

    def step(self) -> None:
        """Look at the next few topics; at the end of a round, at all of them together."""
        if self._pause:
            self._pause -= 1
            if self._pause:
                return
            self._waiting = self._catalog.all()
        for _ in range(min(TOPICS_A_STEP, len(self._waiting))):
            log = self._waiting.pop()
            self._try(self._look_at, log)
        expired, self._expired = self._expired, []
        self._try(self._upkeep.delete, expired)
        if not self._waiting:
            self._end_round()

    def _look_at(self, log: TopicLog) -> None:
        """Tidy one topic, and count what it holds then."""
        if log.topic in KEPT_BY_THE_BROKER:
            self._bytes += log.bytes_held()
            return
        state, now = log.state, self._clock.now()
        if state.size and log.broken is None and now - log.began() > self._rules.segment_age_ns:
            self._upkeep.roll(log)
        elif len(log.state.segments) > 1:
            self._shorten(log, surplus(log.held(), log.bytes_held(), state.next, self._rules.policy(log.topic), now))
        held = log.bytes_held()
        if held == 0 and log.broken is None and now - state.appended > self._rules.expiry_ns:
            self._expired.append(log)
        self._bytes += held

    def _end_round(self) -> None:
        over = self._bytes - self._rules.bytes_max
        if over > 0:
            self._shrink(over)
        if self._segments:
            self._failing = False
            _log.info("%d segments with %d bytes were deleted, they were not to be kept", self._segments, self._freed)
        self._bytes = self._segments = self._freed = 0
        self._pause = ROUND_PAUSE_STEPS

    def _shrink(self, over: int) -> None:
        """Delete the oldest segments of all; if these do not suffice, close the largest active ones for next time."""
        logs = [log for log in self._catalog.all() if log.topic not in KEPT_BY_THE_BROKER]
        oldest = sorted(((held.appended, log.topic, log) for log in logs for held in log.held()), key=itemgetter(0, 1))
        for _, _, log in oldest:
            if over <= 0:
                return
            freed = self._freed
            self._try(self._shorten, log)
            over -= self._freed - freed
        for log in sorted(logs, key=attrgetter("state.size"), reverse=True):
            if over <= 0 or not log.state.size:
                return
            over -= log.state.size
            self._try(self._upkeep.roll, log)

    def _shorten(self, log: TopicLog, count: int = 1) -> None:
        before, segments = log.bytes_held(), len(log.state.segments)
        try:
            for _ in range(count):
                self._upkeep.trim(log)
        finally:
            self._freed += before - log.bytes_held()
            self._segments += segments - len(log.state.segments)

    def _try(self, what: Callable[[_On], None], on: _On) -> None:
        """Do it. What fails is told once until something works again."""
        try:
            what(on)
        except (OSError, JournalError) as error:
            if not self._failing:
                _log.warning("%s: what is not to be kept stays there for now", error)
            self._failing = True
