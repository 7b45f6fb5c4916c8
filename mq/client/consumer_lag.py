"""How far behind consumers are: their positions, held against what the journal keeps."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mq.client.link import Link
from mq.errors import Rewound, Trimmed
from mq.frame import split
from mq.protocol import (
    PATTERNS_MAX,
    ConsumerList,
    Consumers,
    Fetch,
    Frames,
    PositionList,
    Positions,
    TopicList,
    Topics,
)

SECOND_NS = 1_000_000_000


class Standing(NamedTuple):
    """Where a consumer stands in one topic.

    `lag` counts the records kept from `position` on, and `lag_s` is the age of the first of them, None when there is
    none, or when nobody asked. In a topic that it has not met the position is the first kept. `open` is how many
    records have been given out and are not settled, those that came back among them; `trimmed`, whether records were
    deleted before their turn.
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


def topics(link: Link, patterns: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """Yield topic, first offset kept, next offset."""
    after: str | None = None
    while True:
        reply = link.ask(Topics(link.number(), list(patterns), after), TopicList)
        for topic, first, following, *_ in reply.topics:
            yield topic, first, following
        after = reply.after
        if after is None:
            return


def patterns(link: Link, name: str) -> list[str]:
    """Return the patterns of the topics that a consumer is about, none where they are not known."""
    return [it for it in link.ask(Positions(link.number(), name), PositionList).patterns if isinstance(it, str)]


def standings(link: Link, name: str) -> Iterator[Standing]:
    """Yield where a consumer stands in each topic, also in those of its patterns that it has not met."""
    met: set[str] = set()
    after: str | None = None
    while True:
        rows, after = standings_page(link, name, after)
        met |= {row.topic for row in rows}
        yield from (_aged(link, row) for row in rows)
        if after is None:
            break
    for topic, first, following in _unmet(link, name, met):
        yield _aged(link, _standing(topic, first, 0, (first, following)))


def positions(link: Link, name: str) -> Iterator[tuple[str, int, int]]:
    """Yield topic, position in it, and how many records before that are given out and not settled."""
    met: set[str] = set()
    after: str | None = None
    while True:
        reply = link.ask(Positions(link.number(), name, after), PositionList)
        for topic, position, _, still_open in reply.positions:
            met.add(topic)
            yield topic, position, still_open
        after = reply.after
        if after is None:
            break
    for topic, first, _ in _unmet(link, name, met):
        yield topic, first, 0


def _unmet(link: Link, name: str, met: set[str]) -> Iterator[tuple[str, int, int]]:
    """Yield topic, first offset kept and next offset, where a consumer has no position yet."""
    its = patterns(link, name)
    yield from (row for row in topics(link, its) if row[0] not in met) if its else ()


def standings_page(
    link: Link, name: str, after: str | None, limit: int = PATTERNS_MAX
) -> tuple[list[Standing], str | None]:
    """Return where a consumer stands in some topics, and the topic after which there may be more.

    The ages are left out: each is a question of its own.
    """
    reply = link.ask(Positions(link.number(), name, after), PositionList)
    rows = reply.positions[: min(limit, PATTERNS_MAX)]
    following = reply.after if len(rows) == len(reply.positions) else rows[-1][0]
    ends = {topic: (first, end) for topic, first, end in topics(link, [row[0] for row in rows])} if rows else {}
    return [_standing(topic, position, still, ends.get(topic)) for topic, position, _, still in rows], following


def _standing(topic: str, position: int, still_open: int, ends: tuple[int, int] | None) -> Standing:
    first, end = ends or (position, position)
    return Standing(topic, position, max(0, end - max(position, first)), None, still_open, position < first)


def _aged(link: Link, row: Standing) -> Standing:
    return row._replace(lag_s=age_of(link, row.topic, row.position)) if row.lag else row


def age_of(link: Link, topic: str, offset: int) -> float | None:
    """Return how long ago the first record kept from an offset on was appended, by this machine's clock.

    None when it cannot be had.
    """
    try:
        reply = link.ask(Fetch(link.number(), topic, offset, None, 1), Frames)
    except Trimmed as error:
        return age_of(link, topic, error.first_kept)
    except Rewound:
        return None
    frame = next(split(reply.frames), None)
    return None if frame is None else max(0.0, (time.time_ns() - frame.header.appended) / SECOND_NS)
