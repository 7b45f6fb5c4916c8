"""What the labels of blocks say, as msgpack maps. Pure. What is read is checked field by field: a file is not trusted.

The kinds: `about` what the capsule was made of, `frames` which ones follow, `lost` what is not there and why, `index`
all of that once more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgpack

from mq.capsule.layout import PART_BYTES_MAX, Block
from mq.topic import is_topic

DAMAGED, TRIMMED = "damaged", "trimmed"
_U64 = 2**64


class About(NamedTuple):
    """What a capsule was made of: patterns, and what was appended from `start` on, before `stop`; `made` is when.

    Times are ns since the Unix epoch, by the broker's clock; `made` by that of whoever made it.
    """

    patterns: list[str]
    start: int
    stop: int
    made: int


class Frames(NamedTuple):
    """Frames of one topic: offsets `first` to `next` - 1, appended from `oldest` to `newest`, so many bytes each."""

    topic: str
    first: int
    next: int
    oldest: int
    newest: int
    sizes: list[int]


class Lost(NamedTuple):
    """Offsets `first` to `next` - 1 that the journal could not give: damaged, or trimmed.

    Of what was trimmed before the capsule was made nobody can tell how much of it belonged to the range.
    """

    topic: str
    first: int
    next: int
    why: str


@dataclass(slots=True)
class Row:
    """One topic in the index: first and next offset, records, bytes of frames, times of appending, blocks.

    Where no record of it is there, the numbers are 0.
    """

    topic: str
    first: int = 0
    next: int = 0
    records: int = 0
    bytes: int = 0
    oldest: int = 0
    newest: int = 0
    blocks: list[Block] = field(default_factory=list)

    def add(self, block: Block, label: Frames | Lost | None) -> None:
        """Take in one block more. Of one whose label cannot be read only the place is known."""
        self.blocks.append(block)
        if not isinstance(label, Frames):
            return
        if not self.records:
            self.first, self.oldest = label.first, label.oldest
        self.next, self.newest = label.next, label.newest
        self.records += label.next - label.first
        self.bytes += block.frames


class Index(NamedTuple):
    """All that is in a capsule, and where."""

    about: About
    rows: list[Row]


Label = About | Frames | Lost | Index


def encode(label: Label) -> bytes:
    """Return the bytes of a label."""
    match label:
        case Index(about, rows):
            fields = {**about._asdict(), "topics": [_row_list(row) for row in rows]}
        case _:
            fields = label._asdict()
    packed: bytes = msgpack.packb({"kind": type(label).__name__.lower(), **fields}, use_bin_type=True)
    return packed


def decode(data: bytes) -> Label | None:
    """Return what a label says, None when that makes no sense."""
    try:
        found = msgpack.unpackb(data)
        return _READERS[found.pop("kind")](found)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _row_list(row: Row) -> list[Any]:
    blocks = [list(block) for block in row.blocks]
    return [row.topic, row.first, row.next, row.records, row.bytes, row.oldest, row.newest, blocks]


def _about(found: dict[str, Any]) -> About:
    about = About(**found)
    _check_list(about.patterns, str)
    _check(about.start, about.stop, about.made)
    _check_order(about.start, about.stop)
    return about


def _frames(found: dict[str, Any]) -> Frames:
    frames = Frames(**found)
    _check_topic(frames.topic)
    _check_list(frames.sizes, int)
    _check(*frames[1:5], *frames.sizes)
    _check_order(frames.first + 1, frames.next)
    _check_order(frames.oldest, frames.newest)
    return frames


def _lost(found: dict[str, Any]) -> Lost:
    lost = Lost(**found)
    _check_topic(lost.topic)
    _check(lost.first, lost.next)
    _check_order(lost.first, lost.next)
    if lost.why not in (DAMAGED, TRIMMED):
        raise ValueError("why")
    return lost


def _index(found: dict[str, Any]) -> Index:
    rows = [_row(row) for row in found.pop("topics")]
    return Index(_about(found), rows)


def _row(listed: Any) -> Row:
    topic, first, following, records, size, oldest, newest, places = listed
    _check_topic(topic)
    _check(first, following, records, size, oldest, newest)
    blocks = [Block(*place) for place in places]
    for block in blocks:
        _check(*block)
        _check_order(max(block.label, block.frames), PART_BYTES_MAX)
    return Row(topic, first, following, records, size, oldest, newest, blocks)


def _check_topic(topic: Any) -> None:
    if not isinstance(topic, str) or not is_topic(topic.encode("utf-8", "surrogatepass")):
        raise ValueError("topic")


def _check_list(them: Any, kind: type) -> None:
    if not isinstance(them, list) or not all(type(each) is kind for each in them):
        raise ValueError("list")


def _check(*numbers: Any) -> None:
    if not all(type(each) is int and 0 <= each < _U64 for each in numbers):
        raise ValueError("numbers")


def _check_order(first: int, second: int) -> None:
    if first > second:
        raise ValueError("order")


_READERS: dict[str, Callable[[dict[str, Any]], Label]] = {
    "about": _about,
    "frames": _frames,
    "lost": _lost,
    "index": _index,
}
