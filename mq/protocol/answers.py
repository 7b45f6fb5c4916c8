"""What the broker answers, and what it says of frames."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mq.protocol.message import Control


@dataclass(frozen=True, slots=True)
class Welcome(Control):
    """The answer to hello. `host` is where the broker wants to be reached, if it was told to say."""

    OP = "welcome"
    protocol: int
    software: str
    epoch: int
    ingest: int
    live: int
    control: int
    ops: int
    frame_bytes_max: int
    host: str | None = None


@dataclass(frozen=True, slots=True)
class Frames(Control):
    """A slice of the journal: whole frames, the first of which may begin before the offset that was asked for.

    `next` and `epoch` are the position after them, `end` the topic's end when they were read. With `more`, another
    slice of the same credit follows. Where the offset that was due is damaged, `lost` is the first one behind that.
    """

    OP = "frames"
    topic: str
    frames: bytes
    next: int
    epoch: int
    end: int
    more: bool = False
    lost: int | None = None


@dataclass(frozen=True, slots=True)
class LastFrames(Control):
    """Last frames, one after another; `after` when more of them are to be asked for."""

    OP = "last_frames"
    frames: bytes
    after: str | None = None


@dataclass(frozen=True, slots=True)
class HeadList(Control):
    """Rows of topic, next offset, epoch of its last record; `token` is the next asking's `since`.

    `time` is the broker's clock in ns, 0 when it is not told.
    """

    OP = "head_list"
    heads: list[Any]
    token: int
    after: str | None = None
    time: int = 0


@dataclass(frozen=True, slots=True)
class TopicList(Control):
    """Rows of topic, first offset, next offset, bytes, segments, time of the last append in ns (0: none)."""

    OP = "topic_list"
    topics: list[Any]
    after: str | None = None


@dataclass(frozen=True, slots=True)
class OffsetFound(Control):
    """The answer to offset_at: the topic's end when nothing is that late."""

    OP = "offset_found"
    topic: str
    offset: int


@dataclass(frozen=True, slots=True)
class Deleted(Control):
    """Rows of topic, next offset, epoch of its last record: those that there were, and where they ended."""

    OP = "deleted"
    topics: list[Any]


@dataclass(frozen=True, slots=True)
class StatsReport(Control):
    """Counters, by name."""

    OP = "stats_report"
    stats: dict[str, Any]


@dataclass(frozen=True, slots=True)
class AccountList(Control):
    """Rows of topic, producer, and how many of its records were received, are missing, came late, were there twice.

    `after` when more of them are to be asked for.
    """

    OP = "account_list"
    accounts: list[Any]
    after: str | None = None


@dataclass(frozen=True, slots=True)
class SubscriberList(Control):
    """Rows of number, name, patterns, lag, repaired, lost, age of that in ms; `after` when more are to be asked for."""

    OP = "subscriber_list"
    subscribers: list[Any]
    after: int | None = None


@dataclass(frozen=True, slots=True)
class Acks(Control):
    """Rows of topic, producer, sequence, offset of the first record, level reached (1 written, 2 durable)."""

    OP = "acks"
    acks: list[Any]


@dataclass(frozen=True, slots=True)
class Nack(Control):
    """A frame on control that got no acknowledgement, and why. Without a topic it could not even be read.

    It was not appended now, but for `journal_failed` after a failed sync: then nobody knows. `expected` is the sequence
    that was due, where it was another.
    """

    OP = "nack"
    reason: str
    detail: str
    topic: str | None = None
    producer: int = 0
    sequence: int = 0
    expected: int | None = None


@dataclass(frozen=True, slots=True)
class Failure(Control):
    """A request that has no answer.

    `error` is trimmed, rewound, bad_request, busy, failed, unsupported_protocol, or of a consumer held, fenced,
    no_consumer or limit; the `facts` depend on it.
    """

    OP = "failure"
    error: str
    detail: str
    facts: dict[str, Any] = field(default_factory=dict)
