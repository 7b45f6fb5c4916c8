"""What a client asks of topics, and of the broker itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mq.protocol.fields import CREDIT_BYTES_DEFAULT, PROTOCOL, Patterns, Report, TopicNames
from mq.protocol.message import Control


@dataclass(frozen=True, slots=True)
class Hello(Control):
    """Asks for the broker's version, limits and ports."""

    OP = "hello"
    protocol: int = PROTOCOL


@dataclass(frozen=True, slots=True)
class Fetch(Control):
    """Send frames of a topic from `offset` on, at most about `credit` bytes of them.

    `epoch` is that of the record before `offset`, where the asker knows it: then the journal must agree.
    """

    OP = "fetch"
    topic: str
    offset: int
    epoch: int | None = None
    credit: int = CREDIT_BYTES_DEFAULT


@dataclass(frozen=True, slots=True)
class Last(Control):
    """The last frame of each topic that matches, after the topic `after` in their order."""

    OP = "last"
    patterns: Patterns
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Heads(Control):
    """Where the topics that match end, of those changed since `since` (0: all), after the topic `after`.

    `report` is what a subscriber says of itself: its name, a number that no other has, its lag in records, how often it
    repaired something, how many records are lost to it, and rows of topic and times repaired.
    """

    OP = "heads"
    patterns: Patterns
    since: int = 0
    after: str | None = None
    report: Report | None = None


@dataclass(frozen=True, slots=True)
class Topics(Control):
    """What the journal holds of the topics that match, after the topic `after`."""

    OP = "topics"
    patterns: Patterns
    after: str | None = None


@dataclass(frozen=True, slots=True)
class OffsetAt(Control):
    """The first offset appended at `time` (ns) or later."""

    OP = "offset_at"
    topic: str
    time: int


@dataclass(frozen=True, slots=True)
class Delete(Control):
    """Delete these topics with all they hold. To be asked once: the second time it may be new records that go."""

    OP = "delete"
    topics: TopicNames


@dataclass(frozen=True, slots=True)
class Accounts(Control):
    """What became of producers' records for the topics that match, after the row `after`."""

    OP = "accounts"
    patterns: Patterns
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Sampling(Control):
    """What a producer says: rows of topic, its id, records handed over to it, of these spooled, and given up."""

    OP = "sampling"
    rows: list[Any]


@dataclass(frozen=True, slots=True)
class Subscribers(Control):
    """The subscribers that report of themselves, after the one with the number `after`."""

    OP = "subscribers"
    after: int | None = None


@dataclass(frozen=True, slots=True)
class Stats(Control):
    """The broker's counters."""

    OP = "stats"
