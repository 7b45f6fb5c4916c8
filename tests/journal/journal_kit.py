"""What the journal's tests share: a data directory that can be killed and opened again, and ways to look inside."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mq.config import Config
from mq.frame import HEADER_SIZE, Checked, Frame, check, encode, header_at, parse
from mq.journal.file_journal import FileJournal
from mq.journal.files import Files
from mq.journal.interface import Run
from mq.topic import Pattern

TOPIC = "host/n1/cpu"
ALL = [Pattern.parse("#")]
SECOND = 1_000_000_000
START = 1_764_000_000 * SECOND
SMALL = Config(segment_bytes=4096, index_interval_bytes=1024)


@dataclass
class Clock:
    """A clock that moves only when a test says so, or by `step` ns each time it is asked."""

    now: int = START
    step: int = 0

    def __call__(self) -> int:
        """Return the time, in ns."""
        self.now += self.step
        return self.now


class QuickFiles(Files):
    """The real files, without the waiting: what a process wrote outlives it, synced or not."""

    def sync(self, descriptor: int) -> None:
        """Do not wait."""

    def sync_directory(self, path: str) -> None:
        """Do not wait."""

    def sync_filesystem(self, descriptor: int) -> None:
        """Do not wait."""


@dataclass
class Box:
    """A data directory, and the journals opened on it."""

    path: Path
    config: Config = SMALL
    files: Files = field(default_factory=QuickFiles)
    clock: Clock = field(default_factory=Clock)
    opened: list[FileJournal] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.path.parent.exists():
            os.utime(self.path.parent, (0, 0))  # nothing was wiped there just now, so no second is to be waited out

    @property
    def data(self) -> str:
        """The path as the journal wants it."""
        return str(self.path)

    def open(self, config: Config | None = None) -> FileJournal:
        """Open the journal; whatever was open before is dropped as kill -9 drops it."""
        self.kill()
        journal = FileJournal(self.data, config or self.config, self.files, self.clock)
        self.opened.append(journal)
        return journal

    def kill(self) -> None:
        """Let go of all that is open, with nothing written, synced or closed in order."""
        while self.opened:
            drop(self.opened.pop())

    def directory(self, topic: str = TOPIC) -> Path:
        """Return where a topic's files are."""
        return self.path / "topics" / topic

    def segments(self, topic: str = TOPIC) -> list[Path]:
        """Return a topic's segments, in order."""
        return sorted(self.directory(topic).glob("@*.log"))

    def log(self, topic: str = TOPIC) -> bytes:
        """Return the bytes of all segments, one after another."""
        return b"".join(path.read_bytes() for path in self.segments(topic))

    def quarantine(self) -> list[Path]:
        """Return the copies of what was cut off."""
        return sorted((self.path / "quarantine").glob("*"))


def drop(journal: FileJournal) -> None:
    """Do what the kernel does for a process that was killed: close its descriptors, and so release its lock."""
    try:
        journal._logs.close()
        journal._syncing.close()
    finally:
        journal._lock.release()


def checked(topic: str, *records: bytes, batch: bool | None = None) -> Checked:
    """Return a frame as the broker takes it in."""
    return check(encode(topic, records, produced=7, batch=batch))


def put(journal: FileJournal, *records: bytes, topic: str = TOPIC, batch: bool | None = None) -> Run:
    """Append one frame; it has to work."""
    (run,) = journal.append([checked(topic, *records, batch=batch)])
    assert run.error is None, run.error
    return run


def fill(journal: FileJournal, count: int, topic: str = TOPIC, size: int = 100) -> list[bytes]:
    """Append so many frames of one record each, one after another; return them as they were stamped."""
    return [put(journal, numbered(number, size), topic=topic).frames[0] for number in range(count)]


def numbered(number: int, size: int = 100) -> bytes:
    """Return a body that tells which one it is."""
    return f"record {number:06} ".encode().ljust(size, b".")


def tree(path: Path) -> dict[str, tuple[bytes, int]]:
    """Return all that is in a directory: bytes and times."""
    files = (each for each in path.rglob("*") if each.is_file())
    return {str(each.relative_to(path)): (each.read_bytes(), each.stat().st_mtime_ns) for each in files}


def split(frames: bytes, topic: str = TOPIC) -> list[Frame]:
    """Take a slice apart; every frame in it must hold, and nothing may stand between."""
    name = topic.encode() + b"\0"
    found, at = [], 0
    while at < len(frames):
        header = header_at(frames, at, name)
        assert header is not None, f"no frame at byte {at} of a slice"
        stop = at + len(name) + HEADER_SIZE + header.length
        found.append(parse(frames[at:stop]))
        at = stop
    return found


@dataclass
class Seen:
    """What a reader got: records by offset, gaps as (first, next), and the frames' bytes."""

    records: dict[int, bytes] = field(default_factory=dict)
    gaps: list[tuple[int, int]] = field(default_factory=list)
    frames: bytes = b""
    next: int = 0

    @property
    def lost(self) -> set[int]:
        """The offsets that are in gaps."""
        return {offset for first, after in self.gaps for offset in range(first, after)}


def read_all(journal: FileJournal, topic: str = TOPIC, start: int = 0, size: int = 2000) -> Seen:
    """Read as a client does, from `start` to the end, with the epoch of the record before; check what must hold."""
    seen, offset, epoch = Seen(), start, None
    while True:
        got = journal.read(topic, offset, epoch, size)
        frames = split(got.frames, topic)
        if got.lost is not None:
            assert got.lost > offset
            assert got.lost == (frames[0].header.offset if frames else got.next)
            seen.gaps.append((offset, got.lost))
        _take(seen, frames, offset, got.lost)
        seen.frames += got.frames
        seen.next = got.next
        if got.next == offset:
            assert not frames
            assert offset == got.end
            return seen
        assert not frames or got.epoch == frames[-1].header.epoch
        offset, epoch = got.next, got.epoch


def _take(seen: Seen, frames: Sequence[Frame], offset: int, lost: int | None) -> None:
    due = lost if lost is not None else offset
    for frame in frames:
        header = frame.header
        assert header.offset <= due < header.next_offset, "offsets are not dense"
        for at, record in enumerate(frame.records(), header.offset):
            if at >= due:
                seen.records[at] = record
        due = header.next_offset
