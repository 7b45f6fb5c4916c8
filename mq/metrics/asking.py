"""The same facts over control, for whoever is not the broker. Asks; connecting and waiting is the link's."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Protocol, TypeVar

from mq.errors import CodecMissing, FrameRefused, Refused
from mq.frame import split
from mq.metrics.facts import Facts, Sample, Standing, Topic
from mq.metrics.hosts import METRICS
from mq.protocol import (
    ConsumerList,
    Consumers,
    Control,
    Last,
    LastFrames,
    PositionList,
    Positions,
    Stats,
    StatsReport,
    TopicList,
    Topics,
    Welcome,
)

SECOND_NS = 1_000_000_000
HOSTS = [f"host/+/{metric}" for metric in METRICS]

Reply = TypeVar("Reply", bound=Control)
Page = TypeVar("Page", TopicList, ConsumerList, PositionList, LastFrames)


class Asker(Protocol):
    """What is needed of a link: `mq.client.link.Link` is one."""

    def number(self) -> int:
        """Return a number for the next question."""

    def hello(self) -> Welcome:
        """Return what the broker says of itself."""

    def ask(self, request: Control, kind: type[Reply]) -> Reply:
        """Return the answer."""


def gather(link: Asker, metrics_nodes_max: int, clock: Callable[[], float] = time.time) -> Facts:
    """Return the facts, samples of the first nodes by their names. Raises what the link raises.

    It goes over all topics, in pages: not for every second.
    """
    return Facts(
        version=link.hello().software.rpartition(" ")[2],
        stats=link.ask(Stats(link.number()), StatsReport).stats,
        topics=[Topic(*row) for row in _topics(link)],
        consumers=list(_standings(link)),
        samples=list(_samples(link, metrics_nodes_max)),
        now=clock(),
    )


def _topics(link: Asker) -> Iterator[list[Any]]:
    for page in _pages(lambda after: link.ask(Topics(link.number(), ["#", "_mq/#"], after), TopicList)):
        yield from page.topics


def _standings(link: Asker) -> Iterator[Standing]:
    """Yield those of consumers that are still there when it is their turn."""
    for page in _pages(lambda after: link.ask(Consumers(link.number(), after), ConsumerList)):
        for name, _, members, *_ in page.consumers:
            try:
                positions = list(_positions(link, name))
            except Refused:
                continue
            unsettled = sum(still_open for *_, still_open in positions)
            yield Standing(name, len(members), unsettled, [(topic, offset) for topic, offset, *_ in positions])


def _positions(link: Asker, consumer: str) -> Iterator[list[Any]]:
    for page in _pages(lambda after: link.ask(Positions(link.number(), consumer, after), PositionList)):
        yield from page.positions


def _samples(link: Asker, nodes_max: int) -> Iterator[Sample]:
    """Yield the last records, until there are enough nodes; what cannot be read says nothing."""
    nodes: set[str] = set()
    for page in _pages(lambda after: link.ask(Last(link.number(), HOSTS, after), LastFrames)):
        for frame in split(page.frames):
            _, node, metric = frame.topic.split("/")
            nodes.add(node)
            if len(nodes) > nodes_max:
                return
            with suppress(FrameRefused, CodecMissing):
                yield Sample(node, metric, frame.header.appended / SECOND_NS, frame.records()[-1])


def _pages(ask: Callable[[str | None], Page]) -> Iterator[Page]:
    """Yield answers until nothing is left to go on after."""
    page = ask(None)
    yield page
    while page.after is not None:
        page = ask(page.after)
        yield page
