"""What is asked of a broker: small questions each time, and long lists a page at a time, at the pace that it bears."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import msgpack

from mq.cli import audience, producers
from mq.cli.top.hosts import Hosts
from mq.cli.top.lagging import AGES_MAX, ConsumerRow, behind, furthest_first
from mq.cli.top.losses import Ledger
from mq.cli.top.pace import Pace
from mq.cli.top.picture import Known, Picture
from mq.cli.top.topic_table import TOPICS_MAX, Order
from mq.client.consumer_lag import age_of, consumers, positions
from mq.client.last import last_of
from mq.client.link import Link
from mq.errors import MqError, Unreachable
from mq.protocol import HeadList, Heads, Stats, StatsReport, TopicList, Topics

STATS = "_mq/stats"
BROKER = "broker"
EVERYTHING = ["#", "_mq/#"]
ROWS_A_STEP = 1_000
SHOWN_MAX = 64
"""Of so many topics the rates are measured each time, of the others with each sweep of all topics."""
AGED_MAX = 32
"""Of so many consumers, the furthest behind, the age of what waits is looked at."""

Steps = Iterator[None]


class _Look:
    """One that is under way: when it began, and how long it made the broker answer."""

    def __init__(self, name: str, steps: Steps, began: float) -> None:
        self.name = name
        self.steps = steps
        self.began = began
        self.took_s = 0.0


class Looks:
    """Keeps a picture true. Each look is a run of small steps, so that no long one keeps the others waiting."""

    def __init__(self, link: Link, picture: Picture, interval_s: float, wanted: Callable[[], Order]) -> None:
        self._link = link
        self._picture = picture
        self._wanted = wanted
        self._kinds: dict[str, Callable[[], Steps]] = {
            BROKER: self._broker,
            "topics": self._topics,
            "nodes": self._nodes,
            "shown topics": self._shown,
            "subscribers": self._subscribers,
            "consumers": self._consumers,
            "producers": self._producers,
        }
        self._pace = Pace(self._kinds, interval_s)
        self._under_way: deque[_Look] = deque()
        self._life = picture.known

    @property
    def _known(self) -> Known:
        return self._picture.known

    def all(self) -> None:
        """Look at everything once, to the end."""
        for name, begin in self._kinds.items():
            look = _Look(name, begin(), 0.0)
            while not self._step(look):
                pass

    def step(self) -> float:
        """Ask one thing that is due; return how many seconds nothing is."""
        if self._known is not self._life:
            self._begin_anew()
        now = time.monotonic()
        self._under_way += [_Look(name, self._kinds[name](), now) for name in self._pace.begin_due(now)]
        if not self._under_way:
            return self._pace.seconds_to_next(now)
        look = self._under_way.popleft()
        if self._step(look):
            self._pace.done(look.name, look.began, look.took_s, time.monotonic())
        else:
            self._under_way.append(look)
        return 0.0

    def _begin_anew(self) -> None:
        """Look at all of another life of the broker at once; `broker` is what has just told of it."""
        self._life = self._known
        self._under_way = deque(look for look in self._under_way if look.name == BROKER)
        self._pace.hurry(name for name in self._kinds if name != BROKER)

    def _step(self, look: _Look) -> bool:
        """Go on with a look; return whether it is done. What the broker refuses ends it, and is shown."""
        self._picture.asks(before := time.monotonic())
        try:
            done = next(look.steps, self) is self
            self._picture.refused.pop(look.name, None)
        except Unreachable:
            raise
        except MqError as error:
            self._picture.refused[look.name] = str(error)
            done = True
        self._picture.hears()
        look.took_s += time.monotonic() - before
        return done

    def _broker(self) -> Steps:
        link = self._link
        welcome = link.hello()
        self._picture.meets(welcome.epoch)
        self._known.version = welcome.software
        stats = link.ask(Stats(link.number()), StatsReport).stats
        numbers = {name: it for name, it in stats.items() if isinstance(it, int)}
        self._known.stats = stats
        self._known.meter.take(numbers, welcome.epoch, time.monotonic())
        yield
        for message in last_of(link, [STATS]):
            own = _map_of(message.body)
            self._known.own = own if own.get("epoch") == self._known.epoch else {}

    def _topics(self) -> Steps:
        known, began = self._known, time.monotonic()
        known.topics.begin_sweep()
        after: str | None = None
        for _ in range(TOPICS_MAX):
            reply = self._link.ask(Topics(self._link.number(), EVERYTHING, after), TopicList)
            known.topics.take(reply.topics, time.monotonic())
            if reply.after is None or (after is not None and reply.after <= after):
                break
            after = reply.after
            yield
        known.topics.end_sweep()
        known.hosts.learn(known.topics.listed())
        known.swept_s = time.monotonic() - began

    def _shown(self) -> Steps:
        """Measure those topics anew that are looked at."""
        known = self._known
        names = [row.topic for row in known.topics.first(self._wanted(), SHOWN_MAX)]
        if names:
            reply = self._link.ask(Topics(self._link.number(), names), TopicList)
            known.topics.take(reply.topics, time.monotonic())
        yield

    def _nodes(self) -> Steps:
        hosts: Hosts = self._known.hosts
        if topics := hosts.to_read():
            now = self._link.ask(Heads(self._link.number(), [STATS]), HeadList).time
            hosts.take(list(last_of(self._link, topics)), now)
        yield

    def _subscribers(self) -> Steps:
        self._known.subscribers = list(audience.listeners(self._link))
        yield

    def _consumers(self) -> Steps:
        known, waiting, rows = self._known, {}, []
        for name, _, members in list(consumers(self._link)):
            found = list(positions(self._link, name))
            waiting[name] = behind(found, known.topics)
            lag, still_open = sum(each.lag for each in waiting[name]), sum(row[2] for row in found)
            rows.append(ConsumerRow(name, len(members), lag, None, still_open, len(found)))
            yield
        rows = furthest_first(rows)
        for place, row in enumerate(rows[:AGED_MAX]):
            ages = [age_of(self._link, topic, offset) for _, topic, offset in waiting[row.name][:AGES_MAX]]
            rows[place] = row._replace(lag_s=max((age for age in ages if age is not None), default=None))
            yield
        known.consumers = rows

    def _producers(self) -> Steps:
        known, ledger = self._known, Ledger()
        for number, account in enumerate(producers.accounts(self._link, "#"), 1):
            ledger.add(account)
            if number % ROWS_A_STEP == 0:
                yield
        known.producers = list(ledger.losses())


def _map_of(body: bytes) -> dict[str, Any]:
    try:
        found = msgpack.unpackb(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
