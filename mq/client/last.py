"""The last record of each topic: what is known of everything right now, however long ago it was said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mq.client.link import TIMEOUT_S, Link
from mq.client.message import Message, batch_of
from mq.frame import split
from mq.protocol import Last, LastFrames
from mq.topic import Pattern


def last_values(broker: str, patterns: str | Sequence[str], *, timeout_s: float = TIMEOUT_S) -> Iterator[Message]:
    """Yield the last record of each topic that a pattern matches, in the order of the topics' names.

    Raises `BadPattern`, `Refused`, and `Unreachable` when no answer comes for `timeout_s`.
    """
    texts = [patterns] if isinstance(patterns, str) else list(patterns)
    for text in texts:
        Pattern.parse(text)
    return _pages(broker, texts, timeout_s)


def _pages(broker: str, patterns: list[str], timeout_s: float) -> Iterator[Message]:
    with Link(broker, timeout_s) as link:
        yield from last_of(link, patterns)


def last_of(link: Link, patterns: list[str]) -> Iterator[Message]:
    """Yield the same, asked on a connection that there is. Raises what it raises, but for `BadPattern`."""
    after: str | None = None
    while True:
        reply = link.ask(Last(link.number(), patterns, after), LastFrames)
        for frame in split(reply.frames):
            yield list(batch_of(frame).messages())[-1]
        after = reply.after
        if after is None:
            return
