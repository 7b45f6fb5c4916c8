"""What becomes of requests about consumers: each is answered once what it changes is appended.

A consumer is a name with a position in each topic. One that is not shared has one member at a time, who commits where
to resume; the members of a shared one are given records, and settle them. Used by the thread that appends.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from mq.broker.consumer_requests import ConsumerRequest
from mq.broker.consumers import Consumer
from mq.broker.consumers import Consumers as KnownConsumers
from mq.broker.positions import check_position
from mq.broker.registry import SECOND_NS, Declined, Registry
from mq.broker.sharing import Sharing
from mq.config import Config
from mq.errors import AppendFailed
from mq.journal.interface import Journal
from mq.journal.retention import SteadyClock
from mq.protocol import (
    Agreed,
    Commit,
    ConsumerList,
    Consumers,
    Control,
    DeleteConsumer,
    Failure,
    Join,
    Lease,
    Leased,
    Leave,
    PositionList,
    Positions,
    ResetConsumer,
    Settle,
    Settled,
)

ROWS_MAX = 500
USED_NOTED_EVERY_S = 3_600

_log = logging.getLogger(__name__)


class Consuming:
    """Answers requests, and sees to members and consumers that nobody hears of any more."""

    def __init__(
        self,
        journal: Journal,
        config: Config,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], int] = time.time_ns,
    ) -> None:
        self._journal = journal
        self._config = config
        self._registry = Registry(journal, clock, wall)
        self._sharing = Sharing(journal, self._registry, config)
        self._steady = SteadyClock(wall, lambda: round(clock() * SECOND_NS))
        self._failing = False

    @property
    def consumers(self) -> KnownConsumers:
        """The consumers there are."""
        return self._registry.all

    def answer(self, request: ConsumerRequest) -> Control:
        """Return the answer to a request that was checked."""
        try:
            return self._answer(request)
        except Declined as error:
            return Failure(request.id, error.error, error.detail, error.facts)
        except AppendFailed as error:
            return Failure(request.id, "failed", f"the journal cannot note it now: {error}")
        except OSError as error:
            return Failure(request.id, "failed", f"the journal cannot be read: {error.strerror}")
        except Exception:  # noqa: BLE001 - one request that meets a bug must not end the journaling of all others
            _log.exception("a bug: %s cannot be answered", request.OP)
            return Failure(request.id, "failed", "the broker has a bug; its log says more")

    def step(self) -> None:
        """See to what time brings. To be called after a sync."""
        if self._journal.failure is not None:
            return
        try:
            for consumer in self._registry.all:
                self._look_after(consumer)
            self._failing = False
        except AppendFailed as error:
            if not self._failing:
                _log.warning("consumers stay as they are for now: %s", error)
            self._failing = True
        self._registry.tidy()

    def _answer(self, request: ConsumerRequest) -> Control:
        match request:
            case Join():
                self._join(request)
            case Leave():
                self._leave(request)
            case Commit():
                self._commit(request)
            case ResetConsumer():
                self._reset(request)
            case DeleteConsumer():
                consumer = self._without_members(request.consumer)
                self._registry.forget(consumer)
                self._sharing.forget(request.consumer)
            case Lease():
                return self._lease(request)
            case Settle():
                consumer = self._shared(request.consumer, request.member)
                rows = request.done, request.failed, request.unused
                return Settled(request.id, self._sharing.settle(consumer, request.member, *rows))
            case Positions():
                return self._positions(request)
            case Consumers():
                return self._list(request)
        return Agreed(request.id)

    def _join(self, request: Join) -> None:
        consumer = self._consumer_to_join(request)
        if _is_news(consumer, request, self._registry.now()):
            event = {"do": "join", "consumer": request.consumer, "member": request.member, "label": request.label}
            kind_of_it = {"seconds": request.seconds, "shared": request.shared, "patterns": request.patterns}
            self._registry.note({**event, **kind_of_it})
        self._registry.heard_of(self._registry.find(request.consumer), request.member)

    def _consumer_to_join(self, request: Join) -> Consumer:
        if request.renew:
            self._registry.find_of(request.consumer, request.member)
        consumer = self._registry.all.get(request.consumer)
        if consumer is None:
            self._refuse_above("consumers_max", len(self._registry.all), request.consumer)
            return Consumer(request.consumer)
        if consumer.shared is not request.shared:
            kind = "is shared" if consumer.shared else "is not shared"
            raise Declined("bad_request", f"{request.consumer} {kind}: use another name, or delete it first")
        if request.shared:
            self._admit(consumer, request)
        else:
            self._refuse_second(consumer, request.member)
        return consumer

    def _admit(self, consumer: Consumer, request: Join) -> None:
        """Refuse a member that is too much, or wants other topics than those that are there."""
        self._part_silent(consumer)
        others = [member for member in consumer.members if member != request.member]
        self._refuse_above("consumer_members_max", len(others), consumer.name)
        if others and consumer.patterns != tuple(request.patterns):
            patterns = ", ".join(consumer.patterns)
            raise Declined("bad_request", f"the members of {consumer.name} are about {patterns}: name the same")

    def _refuse_second(self, consumer: Consumer, member: int) -> None:
        """Of a consumer that is not shared somebody else must have been silent for long enough."""
        for other in self._registry.alive(consumer):
            if other != member:
                label, left = consumer.members[other].label, self._registry.left_s(consumer, other)
                why = f"{consumer.name} is held by {label}: stop that one, or wait {left:.0f} s after it has died"
                raise Declined("held", why, consumer=consumer.name, label=label, seconds=round(left))

    def _leave(self, request: Leave) -> None:
        consumer = self._registry.find(request.consumer)
        if request.member in consumer.members:
            self._registry.part(consumer, [request.member])

    def _commit(self, request: Commit) -> None:
        consumer = self._registry.find_of(request.consumer, request.member)
        if consumer.shared:
            raise Declined("bad_request", f"{consumer.name} is shared: its members settle records, and commit nothing")
        self._set(consumer, request.positions)

    def _reset(self, request: ResetConsumer) -> None:
        consumer = self._without_members(request.consumer)
        self._set(consumer, request.positions)
        self._sharing.forget(consumer.name)

    def _set(self, consumer: Consumer, positions: list[list[Any]]) -> None:
        for topic, offset, epoch in positions:
            check_position(self._journal, topic, offset, epoch)
        new = sum(topic not in consumer.places for topic, _, _ in positions)
        self._refuse_above("consumer_topics_max", len(consumer.places) + new - 1, consumer.name)
        if new:
            self._refuse_above("consumer_rows_max", self._registry.all.rows + new - 1, consumer.name)
        if consumer.shared:
            positions = [[topic, offset, self._journal.epoch] for topic, offset, _ in positions]
        self._registry.note({"do": "set", "consumer": consumer.name, "rows": positions})

    def _lease(self, request: Lease) -> Leased:
        consumer = self._shared(request.consumer, request.member)
        self._part_silent(consumer)
        held = self._sharing.held(consumer, request.member) if request.again else []
        if held:
            return Leased(request.id, held[:ROWS_MAX])
        return Leased(request.id, *self._sharing.lease(consumer, request.member, request.count))

    def _positions(self, request: Positions) -> PositionList:
        consumer = self._registry.find(request.consumer)
        topics = sorted(topic for topic in consumer.places if request.after is None or topic > request.after)
        page = topics[:ROWS_MAX]
        rows = [[topic, *_position(consumer, topic)] for topic in page]
        after = page[-1] if len(topics) > len(page) else None
        return PositionList(request.id, rows, after, list(consumer.patterns))

    def _list(self, request: Consumers) -> ConsumerList:
        consumers = sorted(
            (each for each in self._registry.all if request.after is None or each.name > request.after),
            key=lambda each: each.name,
        )
        page = consumers[:ROWS_MAX]
        rows = [
            [it.name, it.shared, [it.members[one].label for one in self._registry.alive(it)], len(it.places), it.used]
            for it in page
        ]
        return ConsumerList(request.id, rows, page[-1].name if len(consumers) > len(page) else None)

    def _shared(self, name: str, member: int) -> Consumer:
        consumer = self._registry.find_of(name, member)
        if not consumer.shared:
            raise Declined("bad_request", f"{name} is not shared: its member commits positions")
        return consumer

    def _without_members(self, name: str) -> Consumer:
        """Return a consumer that nobody takes part in; who was silent for too long does not count."""
        consumer = self._registry.find(name)
        for member in self._registry.alive(consumer):
            label, left = consumer.members[member].label, round(self._registry.left_s(consumer, member))
            why = f"{name} is held by {label}: stop that one first, or wait {left} s after it has died"
            raise Declined("held", why, consumer=name, label=label, seconds=left)
        self._registry.part(consumer, list(consumer.members))
        return consumer

    def _look_after(self, consumer: Consumer) -> None:
        if consumer.shared:
            self._part_silent(consumer)
            self._sharing.bury(consumer)
        unused_s = self._steady.now() // SECOND_NS - consumer.used
        if unused_s > self._config.consumer_expiry_s and not self._registry.alive(consumer):
            self._registry.forget(consumer)
            self._sharing.forget(consumer.name)
            _log.info("the consumer %s is deleted, nobody has used it for %d s", consumer.name, unused_s)

    def _part_silent(self, consumer: Consumer) -> None:
        silent = [member for member in consumer.members if self._registry.left_s(consumer, member) <= 0]
        for member in silent:
            _log.warning("%s: nothing is heard of %s any more", consumer.name, consumer.members[member].label)
        self._registry.part(consumer, silent)

    def _refuse_above(self, setting: str, there: int, name: str) -> None:
        """Refuse what would be one more than a setting allows."""
        limit = getattr(self._config, setting)
        if there >= limit:
            why = f"{name}: there are {there:,} already, {setting} is {limit:,}"
            raise Declined("limit", why, consumer=name, setting=setting)


def _is_news(consumer: Consumer, request: Join, now: int) -> bool:
    """Whether a member that joins is to be noted: a new one, or one that was not for so long that it may count."""
    known = consumer.members.get(request.member)
    same = known == (request.label, request.seconds) and consumer.patterns == tuple(request.patterns)
    return not same or now - consumer.used >= USED_NOTED_EVERY_S


def _position(consumer: Consumer, topic: str) -> tuple[int, int, int]:
    """Return the position in a topic, its epoch, and what is not settled behind it."""
    place = consumer.places[topic]
    return place.position, 0 if consumer.shared else place.epoch, place.open
