"""A small data directory of which every byte is known, and single bits of it that are flipped."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from journal_kit import SMALL, Box, numbered, put

from mq.journal.file_journal import FileJournal
from mq.journal.layout import MARK, META, segment_name
from mq.journal.mark import decode

LIMITS = replace(SMALL, segment_bytes=2048)
TOPICS = ("a", "host/n1/cpu", "host/n2/cpu")
LATE = "late"
FRAMES, FRAMES_BEHIND = 12, 3
HEADER_BYTES = 64


class Frame(NamedTuple):
    """Where a frame stands, and which records it holds."""

    topic: str
    path: str
    start: int
    stop: int
    offsets: range


class Flip(NamedTuple):
    """One bit of a file. `str` of it is what a failure needs to be tried again."""

    path: str
    byte: int
    bit: int


@dataclass
class Known:
    """What a directory holds: its files by path, its frames in order, and each record by topic and offset."""

    files: dict[str, bytes] = field(default_factory=dict)
    frames: list[Frame] = field(default_factory=list)
    truth: dict[str, dict[int, bytes]] = field(default_factory=dict)

    def hit(self, flip: Flip) -> Frame | None:
        """Return the frame that a flip is in."""
        return next(
            (each for each in self.frames if each.path == flip.path and each.start <= flip.byte < each.stop), None
        )

    def may_be_cut(self, frame: Frame) -> bool:
        """Whether a frame is a topic's last, and past the mark: damaged, it cannot be told from a torn write."""
        last = [each for each in self.frames if each.topic == frame.topic][-1]
        mark = decode(self.files.get(f"topics/{frame.topic}/{MARK}", b""), frame.topic.encode() + b"\0")
        synced = mark.position if mark is not None and frame.path.endswith(segment_name(mark.base)) else 0
        return frame == last and frame.start >= synced

    def flips(self, count: int) -> list[Flip]:
        """Return so many: of all bits, and of those on which the most depends, every one where `count` allows.

        These are in the marks, in the directory's own file, in an index, and in the headers of a frame amid others and
        of the last.
        """
        chance = random.Random(count)  # noqa: S311 - the same flips each time
        small = [path for path in self.files if path.endswith((MARK, META))]
        index = next(path for path in self.files if path.endswith(".index"))
        vital = [bit for path in (*small, index) for bit in bits(path, 0, len(self.files[path]))]
        for frame in (self.frames[len(self.frames) // 2], self.frames[-1]):
            vital += bits(frame.path, frame.start, frame.start + len(frame.topic) + 1 + HEADER_BYTES)
        if len(vital) > count * 3 // 4:
            vital = chance.sample(vital, count // 2)
        others = {bit for path, data in self.files.items() for bit in bits(path, 0, len(data))}.difference(vital)
        return vital + chance.sample(sorted(others), count - len(vital))

    def lay_out(self, data: Path, flip: Flip) -> None:
        """Make a directory what it was, with one bit flipped."""
        for path in data.rglob("*"):
            if path.is_file() and str(path.relative_to(data)) not in self.files:
                path.unlink()
        for name, whole in self.files.items():
            wounded = bytearray(whole)
            if name == flip.path:
                wounded[flip.byte] ^= 1 << flip.bit
            _overwrite(data / name, bytes(wounded))


def _overwrite(path: Path, data: bytes) -> None:
    """Give a file other bytes where it has others: in place, since some file systems sync what is written anew."""
    if path.exists() and path.read_bytes() == data:
        return
    with path.open("r+b" if path.exists() else "wb") as file:
        file.write(data)
        file.truncate()


def bits(path: str, start: int, stop: int) -> list[Flip]:
    """Return each bit of some bytes of a file."""
    return [Flip(path, byte, bit) for byte in range(start, stop) for bit in range(8)]


def build(box: Box, *, killed: bool) -> Known:
    """Fill a directory in two lives, the second closed in order or killed some frames after its last mark."""
    known = Known()
    box.config = LIMITS
    for _ in range(2):
        journal = box.open()
        _append(known, box, journal, FRAMES, TOPICS)
        journal.close()
        box.opened.clear()
    if killed:
        journal = box.open()
        _append(known, box, journal, FRAMES_BEHIND, (*TOPICS, LATE))
        box.kill()
    paths = [path for path in box.path.rglob("*") if path.is_file() and path.name != "lock"]
    known.files = {str(path.relative_to(box.path)): path.read_bytes() for path in sorted(paths)}
    return known


def _append(known: Known, box: Box, journal: FileJournal, count: int, topics: tuple[str, ...]) -> None:
    """Append batches and single records of many sizes; some bodies hold the frame before."""
    chance = random.Random(count)  # noqa: S311 - the same directory each time
    earlier = b""
    for number in range(count):
        for topic in topics:
            box.clock.now += 1000
            records = [numbered(number, chance.randrange(16, 200)) for _ in range(chance.choice([1, 1, 1, 4]))]
            records[0] += earlier if number % 5 == 4 else b""
            run = put(journal, *records, topic=topic)
            earlier = run.frames[0][:400]
            path = box.segments(topic)[-1]
            stop, offsets = path.stat().st_size, range(run.offset, run.next)
            name = str(path.relative_to(box.path))
            known.frames.append(Frame(topic, name, stop - run.size, stop, offsets))
            known.truth.setdefault(topic, {}).update(zip(offsets, records, strict=True))
