"""What the capsule's tests share: a capsule in memory, and all that can be read from a file."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from mq.capsule.contents import pieces
from mq.capsule.file import CapsuleFile
from mq.capsule.labels import DAMAGED, TRIMMED, About, Row
from mq.capsule.reader import Capsule
from mq.capsule.survey import survey
from mq.capsule.writing import CapsuleWriter
from mq.client.message import Message
from mq.errors import CapsuleDamaged, Gap, Trimmed
from mq.frame import Frame, check, encode, parse, stamp

EPOCH, ID = 5, 0x1122334455667788
ABOUT = About(["#"], 1_000, 2_000, 3_000)
SMALL_BLOCK_BYTES = 300


class Lack(NamedTuple):
    """So many offsets that are not there, and why, where a `Told` topic has them."""

    offsets: int
    why: str


Topic = Sequence[tuple[bytes, ...] | Lack]


def frame(topic: str, *records: bytes, offset: int, appended: int | None = None) -> Frame:
    """Return a stamped frame; it was appended at 1,000 and its offset."""
    time = 1_000 + offset if appended is None else appended
    return parse(stamp(check(encode(topic, records, produced=7)), offset, time, EPOCH))


def capsule(
    topics: dict[str, Topic], *, first: int = 10, identity: int = ID, block_bytes: int = SMALL_BLOCK_BYTES
) -> bytes:
    """Return a capsule of frames and of what is not there, by topic."""
    out = bytearray()
    writer = CapsuleWriter(out.extend, ABOUT, identity, block_bytes)
    for topic, parts in topics.items():
        writer.begin(topic)
        offset = first
        for part in parts:
            if isinstance(part, Lack):
                writer.lose(offset, offset + part.offsets, part.why)
                offset += part.offsets
            else:
                writer.take(frame(topic, *part, offset=offset))
                offset += len(part)
    writer.finish()
    return bytes(out)


EXAMPLE: dict[str, Topic] = {
    "a": [(b"one",), (b"two", b"three"), (b"x" * 150,), Lack(4, DAMAGED), (b"",), (b"five",)],
    "b/c": [Lack(7, TRIMMED), (b"six",), (b"y" * 200,), (b"seven", b""), (b"z" * 200,)],
    "b/d": [(b"last",)],
}


class Seen(NamedTuple):
    """All that was read of a file: records, and what was raised among them."""

    records: list[Message]
    events: list[Gap | Trimmed]

    @property
    def lost(self) -> set[tuple[str, int]]:
        """Topic and offset of all that the file is said not to give any more."""
        damaged = [event for event in self.events if isinstance(event, CapsuleDamaged)]
        return {(event.topic, offset) for event in damaged for offset in range(event.first, event.next)}


def read_all(path: Path) -> Seen:
    """Return what each topic of a capsule gives."""
    seen = Seen([], [])
    with Capsule(str(path)) as opened:
        for row in opened.topics:
            read_topic(opened, row, seen)
    return seen


def read_topic(opened: Capsule, row: Row, seen: Seen) -> None:
    """Read on behind whatever is raised."""
    records = opened.replay(row.topic)
    while True:
        try:
            seen.records.extend(records)
        except (Gap, Trimmed) as event:
            seen.events.append(event)
        else:
            return


def places(path: Path) -> dict[tuple[str, int], tuple[int, int]]:
    """Return where the frame of each record of a whole capsule stands, by topic and offset."""
    found = {}
    with closing(CapsuleFile(str(path))) as file:
        for block in (block for row in survey(file).rows for block in row.blocks):
            for start, stop, it in pieces(block, file.label_of(block), file.frames_of(block)):
                assert isinstance(it, Frame)
                found.update({(it.topic, it.header.offset + step): (start, stop) for step in range(it.header.count)})
    return found
