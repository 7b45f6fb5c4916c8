"""What stands in the fields of control messages, and what each kind of field may hold."""

from __future__ import annotations

from typing import Any

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
COUNT_MAX = 2**53
"""The most that somebody may say to have counted: what any language's numbers hold, and no clock will see."""
_U64 = 2**64

Patterns = list[str]
TopicNames = list[str]
Report = dict[str, Any]


def is_label(text: object) -> bool:
    """Whether this may be a name for people."""
    return isinstance(text, str) and 0 < len(text) <= LABEL_MAX and text.isprintable()


def _is_u64(it: object) -> bool:
    return type(it) is int and 0 <= it < _U64


def _is_count(it: object) -> bool:
    return _is_u64(it) and isinstance(it, int) and it <= COUNT_MAX


def _is_report(it: object) -> bool:
    """Whether a subscriber's report has all that belongs into one, and none of it is too much."""
    if type(it) is not dict or set(it) != _REPORT_KEYS or not is_label(it["name"]):
        return False
    rows = it["topics"]
    return (
        _is_u64(it["number"])
        and all(_is_count(it[key]) for key in ("lag", "repaired", "lost"))
        and type(rows) is list
        and len(rows) <= REPORT_TOPICS_MAX
        and all(type(row) is list and list(map(type, row)) == [str, int] for row in rows)
        and all(len(topic) <= TOPIC_CHARACTERS_MAX and _is_count(repaired) for topic, repaired in rows)
    )


_REPORT_KEYS = {"name", "number", "lag", "repaired", "lost", "topics"}
CHECKS = {
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
