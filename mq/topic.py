"""Topics, and the patterns that choose among them.

A topic is a path such as ``host/node1/cpu``: segments of ``[A-Za-z0-9_.-]`` joined by ``/``, none empty, none starting
with a dot, at most 200 bytes in all. Because of that grammar a topic is also a safe relative path. ``_mq`` and what is
below it belong to the broker.

Patterns are those of MQTT 5.0 (section 4.7): ``+`` stands for one segment, a final ``#`` for all that remain, none
included, so ``a/#`` matches ``a`` too. A wildcard in the first place does not match ``_mq/…``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from mq.errors import BadPattern, BadTopic

TOPIC_BYTES_MAX = 200
TOPICS_REMEMBERED_MAX = 65_536
NAME_MAX = 100
RESERVED = "_mq"

_SEGMENT = "[A-Za-z0-9_-][A-Za-z0-9_.-]*"
_TOPIC = re.compile(f"{_SEGMENT}(?:/{_SEGMENT})*".encode())
_NAME = re.compile(_SEGMENT)
_NOT_IN_SEGMENTS = re.compile(r"[^A-Za-z0-9_.-]")
_PATTERN_SEGMENT = re.compile(rf"\+|{_SEGMENT}")


def is_topic(name: bytes) -> bool:
    """Whether these bytes are a topic by the grammar."""
    return len(name) <= TOPIC_BYTES_MAX and _TOPIC.fullmatch(name) is not None


def is_reserved(name: bytes) -> bool:
    """Whether this topic is the broker's own."""
    return name == b"_mq" or name.startswith(b"_mq/")


@lru_cache(maxsize=TOPICS_REMEMBERED_MAX)
def is_open(name: bytes) -> bool:
    """Whether producers may write to a short name. It is remembered, so the caller looks at the length first."""
    return _TOPIC.fullmatch(name) is not None and not is_reserved(name)


def is_name(text: str) -> bool:
    """Whether a consumer may be called so: one segment of a topic, and not too long."""
    return len(text) <= NAME_MAX and _NAME.fullmatch(text) is not None


def segment_of(name: str) -> str:
    """Return a host's name as one segment of a topic: what the grammar does not take becomes ``-``."""
    return _NOT_IN_SEGMENTS.sub("-", name).lstrip(".") or "unnamed"


@lru_cache(maxsize=TOPICS_REMEMBERED_MAX)
def encode_topic(topic: str) -> bytes:
    """Return the topic as it travels, or raise `BadTopic`."""
    name = topic.encode("utf-8", "surrogatepass")
    if not is_topic(name):
        raise BadTopic(topic)
    return name


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern, taken apart: its fixed segments, wildcards among them, and whether it ends in ``#``."""

    text: str
    segments: tuple[str, ...]
    open_ended: bool

    @classmethod
    def parse(cls, text: str) -> Pattern:
        """Read a pattern, or raise `BadPattern`."""
        segments = text.split("/")
        open_ended = segments[-1] == "#"
        if open_ended:
            segments.pop()
        well_formed = all(_PATTERN_SEGMENT.fullmatch(segment) for segment in segments)
        if not well_formed or len(text) > TOPIC_BYTES_MAX:
            raise BadPattern(text)
        return cls(text, tuple(segments), open_ended)

    @property
    def exact(self) -> bool:
        """Whether it names one topic."""
        return not self.open_ended and "+" not in self.segments

    def matches(self, topic: str) -> bool:
        """Whether the topic is among those that this pattern chooses."""
        parts = topic.split("/")
        if parts[0] == RESERVED and (not self.segments or self.segments[0] != RESERVED):
            return False
        if len(parts) < len(self.segments) or (len(parts) > len(self.segments) and not self.open_ended):
            return False
        return all(mine in ("+", theirs) for mine, theirs in zip(self.segments, parts, strict=False))

    def prefixes(self) -> list[bytes]:
        """Return what a SUB socket subscribes to: all that matches starts with one of these, and some more may."""
        fixed: list[str] = []
        for segment in self.segments:
            if segment == "+":
                return ["".join(f"{part}/" for part in fixed).encode()]
            fixed.append(segment)
        path = "/".join(fixed).encode()
        if not self.open_ended:
            return [path + b"\0"]
        return [path + b"/", path + b"\0"] if path else [b""]
