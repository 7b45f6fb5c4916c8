"""Making a capsule of what a broker has. One topic after another, a page at a time: never more than that in memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import NamedTuple

from mq.capsule.labels import DAMAGED, TRIMMED, About, Lost, Row
from mq.capsule.writing import TOPICS_MAX, CapsuleWriter
from mq.client.link import TIMEOUT_S, Link
from mq.client.listing import TopicRow, topic_rows
from mq.client.replay import Replay
from mq.errors import Gap, MqError, Rewound, Trimmed
from mq.protocol import HeadList, Heads, OffsetAt, OffsetFound
from mq.topic import Pattern

TELL_RECORDS = 1_000
NO_TOPIC = "_mq/none"
"""Asked for where it is the clock that is wanted."""
Progress = Callable[[int, int], None]


class Part(NamedTuple):
    """What is to be taken of one topic: offsets `first` to `stop` - 1; those below `kept` are no longer there."""

    topic: str
    first: int
    stop: int
    kept: int


class Made(NamedTuple):
    """What is in a new capsule: the rows of its index, and what the journal could not give."""

    rows: list[Row]
    lost: list[Lost]


def clock_of(broker: str, timeout_s: float = TIMEOUT_S) -> int:
    """Return the time by the broker's clock, in ns: it is the one that records are appended by."""
    with Link(broker, timeout_s) as link:
        return link.ask(Heads(link.number(), [NO_TOPIC]), HeadList).time or time.time_ns()


def plan(broker: str, about: About, timeout_s: float = TIMEOUT_S) -> list[Part]:
    """Return what there is of the topics that match, in the range.

    Raises `BadPattern`, and `MqError` where there is nothing.
    """
    for pattern in about.patterns:
        Pattern.parse(pattern)
    parts: list[Part] = []
    with Link(broker, timeout_s) as link:
        for row in topic_rows(link, about.patterns):
            part = _part(link, row, about)
            if part.first < part.stop:
                parts.append(part)
            if len(parts) > TOPICS_MAX:
                raise MqError(f"a capsule holds {TOPICS_MAX:,} topics at most: choose fewer by narrower patterns")
    if not parts:
        raise MqError(f"no record of {' or '.join(about.patterns)} was appended in that range: no capsule is made")
    return parts


def make(
    broker: str,
    parts: Sequence[Part],
    about: About,
    write: Callable[[bytes], object],
    progress: Progress | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Made:
    """Write a capsule of these, and return what is in it.

    A broker that is away is waited for, for `timeout_s`. Raises `Unreachable`, and `MqError` where the journal is
    another one than it was, or has lost its end.
    """
    writer = CapsuleWriter(write, about)
    whole = sum(part.stop - part.first for part in parts)
    done = 0
    for part in parts:
        writer.begin(part.topic)
        if part.first == part.kept > 0:
            writer.lose(0, part.kept, TRIMMED)
        for at in _copy(broker, part, writer, timeout_s):
            if progress is not None:
                progress(done + at - part.first, whole)
        done += part.stop - part.first
    return Made(writer.finish(), writer.lost)


def _part(link: Link, row: TopicRow, about: About) -> Part:
    first, stop = (
        link.ask(OffsetAt(link.number(), row.topic, moment), OffsetFound).offset for moment in (about.start, about.stop)
    )
    return Part(row.topic, max(first, row.first), min(stop, row.next), row.first)


def _copy(broker: str, part: Part, writer: CapsuleWriter, timeout_s: float) -> Iterator[int]:
    """Copy one topic; yield now and then how far it is."""
    told = part.first
    with closing(Replay(broker, part.topic, part.first, part.stop, timeout_s)) as replay:
        while True:
            try:
                for frame in replay.frames():
                    writer.take(frame)
                    if frame.header.next_offset - told >= TELL_RECORDS:
                        told = frame.header.next_offset
                        yield told
            except (Gap, Trimmed) as event:
                _lose(writer, event, part.stop)
            except Rewound as error:
                raise MqError(f"the journal has changed: {error}; make the capsule again") from None
            else:
                yield part.stop
                return


def _lose(writer: CapsuleWriter, event: Gap | Trimmed, stop: int) -> None:
    """Note what the journal cannot give, as far as it was asked for."""
    if isinstance(event, Gap):
        writer.lose(event.first, min(event.next, stop), DAMAGED)
    else:
        writer.lose(event.wanted, min(event.first_kept, stop), TRIMMED)
