"""What the journal holds of the topics that patterns choose, page by page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mq.client.link import Link
from mq.protocol import TopicList, Topics

KINDS = [str, int, int, int, int, int]


class TopicRow(NamedTuple):
    """A topic: its first offset and its next, bytes, segments, when the last record was appended in ns (0: none)."""

    topic: str
    first: int
    next: int
    bytes: int
    segments: int
    appended: int


def topic_rows(link: Link, patterns: Sequence[str]) -> Iterator[TopicRow]:
    """Yield each topic that one of the patterns matches, in the order of their names; what is no row is left out."""
    after: str | None = None
    while True:
        reply = link.ask(Topics(link.number(), list(patterns), after), TopicList)
        rows = (row for row in reply.topics if isinstance(row, list) and list(map(type, row)) == KINDS)
        yield from map(TopicRow._make, rows)
        after = reply.after
        if after is None:
            return
