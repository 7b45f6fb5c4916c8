"""What patterns choose between two points: of each topic the offsets, settled once, and then read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

from mq.client.consumer_lag import topics
from mq.client.link import TIMEOUT_S, Link
from mq.client.message import Batch
from mq.client.replay import Point, Replay, nanoseconds
from mq.errors import Gap, Rewound, Trimmed
from mq.frame import Frame
from mq.protocol import OffsetAt, OffsetFound
from mq.topic import Pattern

Event = Gap | Rewound | Trimmed
Found = TypeVar("Found")


class Range(NamedTuple):
    """The offsets `first` to `stop` - 1 of a topic."""

    topic: str
    first: int
    stop: int


def find_ranges(
    broker: str, patterns: Sequence[str], start: Point, stop: Point | None, *, timeout_s: float = TIMEOUT_S
) -> list[Range]:
    """Return what there is of each topic from `start` on, before `stop` or to its end, in the order of their names.

    Topics of which there is nothing are left out. A time back from now is the same for all of them. Raises
    `BadPattern`, `Unreachable`, `Refused`.
    """
    for text in patterns:
        Pattern.parse(text)
    begin, end = _settled(start), None if stop is None else _settled(stop)
    with Link(broker, timeout_s) as link:
        kept = {topic: (first, following) for topic, first, following in topics(link, list(patterns))}
        found = [_range(link, topic, bounds, begin, end) for topic, bounds in sorted(kept.items())]
    return [each for each in found if each.first < each.stop]


def read_range(broker: str, wanted: Range, *, timeout_s: float = TIMEOUT_S) -> Iterator[Batch | Event]:
    """Yield the records of a range in batches, and what there is to be said about those that are not there."""
    with Replay(broker, wanted.topic, wanted.first, wanted.stop, timeout_s) as records:
        yield from _through_gaps(records.batches)


def read_frames(broker: str, wanted: Range, *, timeout_s: float = TIMEOUT_S) -> Iterator[Frame | Event]:
    """Yield the frames that hold a range, whole: the first and the last may hold records beside it."""
    with Replay(broker, wanted.topic, wanted.first, wanted.stop, timeout_s) as records:
        yield from _through_gaps(records.frames)


def _through_gaps(read: Callable[[], Iterator[Found]]) -> Iterator[Found | Event]:
    """Yield what is read, and an event where reading stops for one, to go on behind it."""
    while True:
        try:
            yield from read()
        except (Gap, Rewound, Trimmed) as event:
            yield event
        else:
            return


def _settled(point: Point) -> int | datetime:
    """Return a point that stays where it is while one topic after another is asked for it."""
    return datetime.now().astimezone() - point if isinstance(point, timedelta) else point


def _range(link: Link, topic: str, bounds: tuple[int, int], start: Point, stop: Point | None) -> Range:
    first, following = bounds
    begin = max(first, _offset(link, topic, start))
    end = following if stop is None else min(following, _offset(link, topic, stop))
    return Range(topic, begin, end)


def _offset(link: Link, topic: str, point: Point) -> int:
    if isinstance(point, int):
        return point
    return link.ask(OffsetAt(link.number(), topic, nanoseconds(point)), OffsetFound).offset
