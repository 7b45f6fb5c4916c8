"""Lists: last values, topics, consumers and their lag, a page at a time, looked up by a thread that has a link."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

from mq.client.consumer_lag import Standing, standings_page
from mq.client.link import Link
from mq.client.message import batch_of
from mq.errors import MqError, Refused
from mq.frame import split
from mq.gateway.bodies import record_json
from mq.protocol import (
    ConsumerList,
    Consumers,
    Fetch,
    Frames,
    Last,
    LastFrames,
    TopicList,
    Topics,
)

Row = dict[str, Any]
Paged = tuple[list[Any], str | None]


def last_values(link: Link, patterns: Sequence[str], after: str | None, limit: int) -> tuple[list[str], str | None]:
    """Return the last records, as JSON, of at most so many topics, and the topic after which there may be more."""
    rows: deque[tuple[str, str]] = deque()
    while len(rows) <= limit:
        reply = link.ask(Last(link.number(), list(patterns), after), LastFrames)
        for frame in split(reply.frames):
            rows.append((frame.topic, record_json(list(batch_of(frame).messages())[-1])))
        after = reply.after
        if after is None:
            break
    found, following = _cut([(topic, row) for topic, row in rows], limit, after)
    return [row for _, row in found], following


def topics(link: Link, patterns: Sequence[str], after: str | None, limit: int) -> Paged:
    """Return what the journal holds of at most so many topics: counts, bytes, first and last offset and time."""
    rows: list[tuple[str, Row]] = []
    while len(rows) <= limit:
        reply = link.ask(Topics(link.number(), list(patterns), after), TopicList)
        rows += [(row[0], _topic(*row[:6])) for row in reply.topics]
        after = reply.after
        if after is None:
            break
    found, following = _cut(rows, limit, after)
    for _, row in found:
        row["first_time"] = _first_time(link, row)
    return [row for _, row in found], following


def _topic(topic: str, first: int, following: int, size: int, segments: int, appended: int) -> Row:
    kept = following > first
    return {
        "topic": topic,
        "records": following - first,
        "bytes": size,
        "segments": segments,
        "first_offset": first if kept else None,
        "last_offset": following - 1 if kept else None,
        "next_offset": following,
        "last_time": appended or None,
    }


def _first_time(link: Link, row: Row) -> int | None:
    """Return when the first record kept was appended; None where there is none, or it cannot be had just now."""
    if row["first_offset"] is None:
        return None
    try:
        reply = link.ask(Fetch(link.number(), row["topic"], row["first_offset"], None, 1), Frames)
    except MqError:
        return None
    frame = next(split(reply.frames), None)
    return None if frame is None else frame.header.appended


def consumers(link: Link, after: str | None, limit: int) -> Paged:
    """Return at most so many consumers, each with its members and how far behind it is in all its topics."""
    reply = link.ask(Consumers(link.number(), after), ConsumerList)
    rows = [(row[0], row) for row in reply.consumers]
    found, following = _cut(rows, limit, reply.after)
    return [_consumer(link, *row[:5]) for _, row in found], following


def _consumer(link: Link, name: str, shared: bool, members: list[str], count: int, used: int) -> Row:
    lag = sum(row.lag for row in _all_standings(link, name))
    return {"consumer": name, "shared": shared, "members": members, "topics": count, "lag": lag, "used": used}


def _all_standings(link: Link, name: str) -> Iterator[Standing]:
    after: str | None = None
    while True:
        try:
            rows, after = standings_page(link, name, after)
        except Refused as error:
            if error.reason == "no_consumer":  # deleted since it was listed
                return
            raise
        yield from rows
        if after is None:
            return


def standings(link: Link, name: str, after: str | None, limit: int) -> Paged:
    """Return where a consumer stands in at most so many topics, and its lag in each."""
    rows, following = standings_page(link, name, after, limit)
    return [_standing(row) for row in rows], following


def _standing(it: Standing) -> Row:
    return {"topic": it.topic, "position": it.position, "lag": it.lag, "open": it.open, "trimmed": it.trimmed}


def _cut(rows: Sequence[tuple[str, Any]], limit: int, after: str | None) -> tuple[list[tuple[str, Any]], str | None]:
    """Return the first rows, and the name after which the next ones come, None when there are none."""
    found = list(rows[:limit])
    if len(rows) > limit:
        return found, found[-1][0]
    return found, after
