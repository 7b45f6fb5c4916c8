"""Control messages: what travels on the ROUTER beside frames, one msgpack map a message.

A map's first byte is 0x80 or above, a frame's below it, so the two cannot be mistaken for each other. ``op`` names the
message; the other keys are the fields below, by their names. Whoever receives one calls `decode`, which checks every
field; unknown keys are ignored, so that fields can be added. ``docs/wire.md`` lists them for other languages.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field, fields
from typing import Any, ClassVar

import msgpack

from mq.errors import BadMessage

PROTOCOL = 1
PORT_INGEST, PORT_LIVE, PORT_CONTROL, PORT_OPS = 5555, 5556, 5557, 5558
CREDIT_BYTES_DEFAULT = 4 << 20
HANDSHAKE_MS = 5_000
"""How long a connection's handshake may take, at both ends."""
PATTERNS_MAX = 256
TOPICS_MAX = 256
LABEL_MAX = 100
REPORT_TOPICS_MAX = 16
TOPIC_CHARACTERS_MAX = 200
_FIRST_OF_MAPS = b"\x80"
_U64 = 2**64

Patterns = list[str]
TopicNames = list[str]
Report = dict[str, Any]


def is_label(text: object) -> bool:
    """Whether this may be a name for people."""
    return isinstance(text, str) and 0 < len(text) <= LABEL_MAX and text.isprintable()


def _is_u64(it: object) -> bool:
    return type(it) is int and 0 <= it < _U64


def _is_report(it: object) -> bool:
    """Whether a subscriber's report has all that belongs into one, and none of it is too much."""
    if type(it) is not dict or set(it) != _REPORT_KEYS or not is_label(it["name"]):
        return False
    rows = it["topics"]
    return (
        all(_is_u64(it[key]) for key in _REPORT_KEYS - {"name", "topics"})
        and type(rows) is list
        and len(rows) <= REPORT_TOPICS_MAX
        and all(type(row) is list and list(map(type, row)) == [str, int] for row in rows)
        and all(len(topic) <= TOPIC_CHARACTERS_MAX and _is_u64(repaired) for topic, repaired in rows)
    )


_REPORT_KEYS = {"name", "number", "lag", "repaired", "lost", "topics"}
_CHECKS = {
    "int": lambda it: type(it) is int and 0 <= it < _U64,
    "int | None": lambda it: it is None or (type(it) is int and 0 <= it < _U64),
    "str": lambda it: type(it) is str,
    "str | None": lambda it: it is None or type(it) is str,
    "bytes": lambda it: type(it) is bytes,
    "bool": lambda it: type(it) is bool,
    "TopicNames": lambda it: type(it) is list and 0 < len(it) <= TOPICS_MAX and all(type(one) is str for one in it),
    "Patterns": lambda it: type(it) is list and 0 < len(it) <= PATTERNS_MAX and all(type(one) is str for one in it),
    "list[Any]": lambda it: type(it) is list,
    "dict[str, Any]": lambda it: type(it) is dict and all(type(key) is str for key in it),
    "Report | None": lambda it: it is None or _is_report(it),
}


def is_request(message: bytes) -> bool:
    """Whether this is a msgpack map (by its first byte), and not a frame."""
    return message[:1] >= _FIRST_OF_MAPS


@dataclass(frozen=True, slots=True)
class Control:
    """What all control messages have: the number that the asker gave, repeated in each answer."""

    OP: ClassVar[str]
    id: int

    def encode(self) -> bytes:
        """Return the bytes that travel."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        packed: bytes = msgpack.packb({"op": self.OP, **values}, use_bin_type=True)
        return packed


# --- what a client asks -------------------------------------------------------------------------------------------


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
class Subscribers(Control):
    """The subscribers that report of themselves, after the one with the number `after`."""

    OP = "subscribers"
    after: int | None = None


@dataclass(frozen=True, slots=True)
class Stats(Control):
    """The broker's counters."""

    OP = "stats"


# --- what the broker answers --------------------------------------------------------------------------------------


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
class Agreed(Control):
    """What was asked of a consumer is done, and appended to the journal."""

    OP = "agreed"


@dataclass(frozen=True, slots=True)
class PositionList(Control):
    """Rows of topic, offset, epoch of the record before it (0: not known), how many records behind it are not settled.

    `after` when more of them are to be asked for.
    """

    OP = "position_list"
    positions: list[Any]
    after: str | None = None


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


_KINDS: dict[str, type[Control]] = {
    kind.OP: kind
    for kind in (
        *(Hello, Fetch, Last, Heads, Topics, OffsetAt, Delete, Accounts, Sampling, Subscribers, Stats),
        *(Join, Leave, Positions, Commit, Lease, Settle, Consumers, ResetConsumer, DeleteConsumer),
        *(
            Welcome,
            Frames,
            LastFrames,
            HeadList,
            TopicList,
            OffsetFound,
            Deleted,
            StatsReport,
            AccountList,
            Agreed,
            PositionList,
            Leased,
            Settled,
            ConsumerList,
            SubscriberList,
            Acks,
            Nack,
            Failure,
        ),
    )
}


def decode(message: bytes) -> Control:
    """Read a control message and check each of its fields, or raise `BadMessage`."""
    try:
        found = msgpack.unpackb(message)
    except ValueError as error:
        raise BadMessage(f"not msgpack: {error}") from None
    if type(found) is not dict:
        raise BadMessage("not a msgpack map")
    if not isinstance(op := found.get("op"), str):
        raise BadMessage("'op' is not a string")
    if (kind := _KINDS.get(op)) is None:
        raise BadMessage(f"no operation {op[:40]!r}")
    return kind(**{each.name: _field(found, kind.OP, each) for each in fields(kind)})


def _field(found: dict[str, Any], op: str, spec: Any) -> Any:
    if spec.name not in found:
        if spec.default is not MISSING:
            return spec.default
        raise BadMessage(f"{op} needs {spec.name!r}")
    it = found[spec.name]
    if not _CHECKS[spec.type](it):
        raise BadMessage(f"{op}: {spec.name!r} is not {spec.type}")
    return it
