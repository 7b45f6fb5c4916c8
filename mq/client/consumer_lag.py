"""How far behind consumers are: their positions, held against what the journal keeps."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import NamedTuple

from mq.client.link import Link
from mq.errors import Rewound, Trimmed
from mq.frame import split
from mq.protocol import ConsumerList, Consumers, Fetch, Frames, PositionList, Positions, TopicList, Topics

SECOND_NS = 1_000_000_000


class Standing(NamedTuple):
    """Where a consumer stands in one topic.

    `lag` counts the records kept from `position` on, and `lag_s` is the age of the first of them, None when there is
    none. `open` is how many are given out and not settled; `trimmed`, whether records were deleted before their turn.
    """

    topic: str
    position: int
    lag: int
    lag_s: float | None
    open: int
    trimmed: bool


def consumers(link: Link) -> Iterator[tuple[str, bool, list[str]]]:
    """Yield name, whether it is shared, and the members of each consumer."""
    after: str | None = None
    while True:
        reply = link.ask(Consumers(link.number(), after), ConsumerList)
        for name, shared, members, *_ in reply.consumers:
            yield name, shared, members
        after = reply.after
        if after is None:
            return


def topics(link: Link, pattern: str) -> Iterator[tuple[str, int, int]]:
    """Yield topic, first offset kept, next offset."""
    after: str | None = None
    while True:
        reply = link.ask(Topics(link.number(), [pattern], after), TopicList)
        for topic, first, following, *_ in reply.topics:
            yield topic, first, following
        after = reply.after
        if after is None:
            return


def standings(link: Link, name: str) -> Iterator[Standing]:
    """Yield where a consumer stands in each topic."""
    after: str | None = None
    while True:
        reply = link.ask(Positions(link.number(), name, after), PositionList)
        for topic, position, _, still_open in reply.positions:
            yield _standing(link, topic, position, still_open)
        after = reply.after
        if after is None:
            return


def _standing(link: Link, topic: str, position: int, still_open: int) -> Standing:
    found = next(topics(link, topic), None)
    first, following = found[1:] if found is not None else (position, position)
    trimmed = position < first
    waits_from = max(position, first)
    lag = max(0, following - waits_from)
    lag_s = _age(link, topic, waits_from) if lag else None
    return Standing(topic, position, lag, lag_s, still_open, trimmed)


def _age(link: Link, topic: str, offset: int) -> float | None:
    """Return how long ago a record was appended, by this machine's clock; None when it cannot be had."""
    try:
        reply = link.ask(Fetch(link.number(), topic, offset, None, 1), Frames)
    except (Trimmed, Rewound):
        return None
    frame = next(split(reply.frames), None)
    return None if frame is None else max(0.0, (time.time_ns() - frame.header.appended) / SECOND_NS)
