"""What is asked about consumers, and answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mq.protocol.fields import Patterns
from mq.protocol.message import Control


@dataclass(frozen=True, slots=True)
class Join(Control):
    """Take part in a consumer, or go on doing so: a member that says nothing for `seconds` may be given up.

    Of a consumer that is not shared there is one member at a time. All members of a shared one name the same patterns.
    With `renew`, only who is a member still goes on.
    """

    OP = "join"
    consumer: str
    member: int
    label: str
    patterns: Patterns
    shared: bool = False
    seconds: int = 30
    renew: bool = False


@dataclass(frozen=True, slots=True)
class Leave(Control):
    """Take part no longer. What the member holds is for others."""

    OP = "leave"
    consumer: str
    member: int


@dataclass(frozen=True, slots=True)
class Positions(Control):
    """Where a consumer stands, after the topic `after` in their order."""

    OP = "positions"
    consumer: str
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Commit(Control):
    """Where a consumer is to resume: rows of topic, offset, epoch of the record before it (0: not known)."""

    OP = "commit"
    consumer: str
    member: int
    positions: list[Any]


@dataclass(frozen=True, slots=True)
class Lease(Control):
    """Give me up to `count` records of a shared consumer; `again`: first what I hold already, and may not know of."""

    OP = "lease"
    consumer: str
    member: int
    count: int
    again: bool = False


@dataclass(frozen=True, slots=True)
class Settle(Control):
    """What became of records that a member holds: rows of topic, first offset, next offset.

    `failed` ones are given out again, and so are `unused` ones, which do not count as tried.
    """

    OP = "settle"
    consumer: str
    member: int
    done: list[Any]
    failed: list[Any] = field(default_factory=list)
    unused: list[Any] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Consumers(Control):
    """The consumers there are, after the one named `after` in their order."""

    OP = "consumers"
    after: str | None = None


@dataclass(frozen=True, slots=True)
class ResetConsumer(Control):
    """Where a consumer that has no members is to go on: rows as in `commit`."""

    OP = "reset_consumer"
    consumer: str
    positions: list[Any]


@dataclass(frozen=True, slots=True)
class DeleteConsumer(Control):
    """Forget a consumer that has no members."""

    OP = "delete_consumer"
    consumer: str


@dataclass(frozen=True, slots=True)
class Agreed(Control):
    """What was asked of a consumer is done, and appended to the journal."""

    OP = "agreed"


@dataclass(frozen=True, slots=True)
class PositionList(Control):
    """Rows of topic, offset, epoch of the record before it (0: not known), how many records behind it are not settled.

    `after` when more of them are to be asked for. The patterns are those that its members named last, none where an
    older broker noted it.
    """

    OP = "position_list"
    positions: list[Any]
    after: str | None = None
    patterns: list[Any] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Leased(Control):
    """Rows of topic, first offset, next offset, how many times these were given out; rows of what is no longer kept."""

    OP = "leased"
    leases: list[Any]
    trimmed: list[Any] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Settled(Control):
    """The answer to settle: rows of what the member did not hold, and others do or will."""

    OP = "settled"
    unheld: list[Any]


@dataclass(frozen=True, slots=True)
class ConsumerList(Control):
    """Rows of name, whether it is shared, its members' labels, its topics, time of its last use in seconds.

    `after` when more of them are to be asked for.
    """

    OP = "consumer_list"
    consumers: list[Any]
    after: str | None = None
