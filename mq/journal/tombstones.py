"""What is remembered of deleted topics, so that their offsets never come back as somebody else's.

``<data>/deleted`` has a line for each deletion, and one more once nothing of the topic is left on the disk, with empty
lines in between; of each topic the last line counts::

    host/node1/cpu 381204 1764000000 1764000000000000000 begun 89abcdef

That is: topic, next offset, epoch and time of the last record, how far the deletion has come, and the CRC-32C of all
before it. A line that does not hold is left where it is. Should its topic begin anew, then at offset 0 and in a later
epoch, so that whoever has an old position in it is told.
"""

from __future__ import annotations

import errno
import logging
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from google_crc32c import value

from mq.errors import JournalError
from mq.journal import layout
from mq.journal.files import Files, publish, read_whole
from mq.topic import is_topic

BEGUN, DONE = "begun", "done"
SUPERSEDED_MAX = 1_000
_LINE = re.compile(rb"((\S+) ([0-9]{1,20}) ([0-9]{1,10}) ([0-9]{1,20}) (begun|done) )([0-9a-f]{8})")
_log = logging.getLogger(__name__)


class Tombstone(NamedTuple):
    """Where a deleted topic ended. While its deletion has but `BEGUN`, something of it may still be on the disk."""

    topic: str
    next: int
    epoch: int
    appended: int
    progress: str = BEGUN

    def encode(self) -> bytes:
        """Return its line, and the empty one: a wound where two lines meet strikes only one of them."""
        text = " ".join(map(str, self)).encode() + b" "
        return text + b"%08x\n\n" % value(text)


def decode(line: bytes) -> Tombstone | None:
    """Return what a line says, None when it does not hold."""
    found = _LINE.fullmatch(line)
    if found is None or value(found[1]) != int(found[7], 16) or not is_topic(found[2]):
        return None
    return Tombstone(found[2].decode(), int(found[3]), int(found[4]), int(found[5]), found[6].decode())


class Wound(NamedTuple):
    """Bytes `start` to `stop` of the file, a line that does not hold."""

    start: int
    stop: int


def parse(text: bytes) -> tuple[list[Tombstone], list[Wound]]:
    """Return what the file says, in its order, and what of it does not hold."""
    stones, wounds, at = [], [], 0
    for line in text.split(b"\n"):
        stone = decode(line)
        if stone is not None:
            stones.append(stone)
        elif line:
            wounds.append(Wound(at, at + len(line)))
        at += len(line) + 1
    return stones, wounds


def read_file(files: Files, data: str) -> bytes:
    """Return the file as it is, nothing where there is none. Raises `OSError`."""
    path = os.path.join(data, layout.DELETED)
    try:
        return read_whole(files, path, files.size(path))
    except FileNotFoundError:
        return b""


class Tombstones:
    """Those of one journal: asked by any thread, added to by the one that appends. Raises `OSError`.

    At most `limit` are remembered. The oldest make room, but none of the epoch that is appended in.
    """

    def __init__(self, files: Files, data: str, limit: int) -> None:
        self._files = files
        self._path = os.path.join(data, layout.DELETED)
        self._limit = limit
        self._by_topic: dict[str, Tombstone] = {}
        self._unreadable: list[bytes] = []
        self._lines = self._size = 0
        self._lead = b""
        self._take(read_file(files, data))
        done = [stone.topic for stone in self._by_topic.values() if stone.progress == DONE]
        self._forget(len(self._by_topic) - limit, done)

    def get(self, topic: str) -> Tombstone | None:
        """Return what is remembered of a topic."""
        return self._by_topic.get(topic)

    def begun(self) -> list[Tombstone]:
        """Return those whose deletion has not come to its end."""
        return [stone for stone in self._by_topic.values() if stone.progress == BEGUN]

    def make_room(self, count: int, epoch: int) -> None:
        """Forget the oldest for so many new ones: never those of this epoch, whose positions would look valid."""
        wanted = len(self._by_topic) + count - self._limit
        if wanted <= 0:
            return
        old = [stone.topic for stone in self._by_topic.values() if stone.progress == DONE and stone.epoch < epoch]
        if len(old) < wanted:
            raise JournalError(
                f"{self._limit} deleted topics are remembered already (deleted_topics_max): restart the broker"
            )
        self._forget(wanted, old)

    def add(self, stones: Sequence[Tombstone]) -> None:
        """Write down some: all of them, or none."""
        lines = self._lead + b"".join(stone.encode() for stone in stones)
        try:
            self._write(lines)
        except OSError:
            with suppress(OSError):  # what stays is written over
                self._files.truncate(self._path, self._size)
            raise
        self._size, self._lead = self._size + len(lines), b""
        for stone in stones:
            self._note(stone)

    def sync(self) -> None:
        """Make durable what was written down."""
        descriptor = self._files.open(self._path, os.O_WRONLY)
        try:
            self._files.sync(descriptor)
        finally:
            self._files.close(descriptor)
        self._files.sync_directory(os.path.dirname(self._path))

    def tidy(self) -> None:
        """Write the file anew, each end twice, when most of its lines have been superseded."""
        needed = 2 * len(self._by_topic)
        if self._lines - needed <= max(SUPERSEDED_MAX, needed):
            return
        lines = [2 * stone.encode() for stone in self._by_topic.values()]
        text = b"".join([*(line + b"\n" for line in self._unreadable), *lines])
        publish(self._files, self._path, text)
        self._size, self._lines = len(text), needed

    def _write(self, lines: bytes) -> None:
        descriptor = self._files.open(self._path, os.O_WRONLY | os.O_CREAT)
        try:
            if self._files.write_at(descriptor, lines, self._size) != len(lines):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self._path)
        finally:
            self._files.close(descriptor)

    def _take(self, text: bytes) -> None:
        """Take in the file. What is added begins a line of its own, also behind one that was cut short."""
        stones, wounds = parse(text)
        for stone in stones:
            self._note(stone)
        for wound in wounds:
            self._unreadable.append(text[wound.start : wound.stop])
            _log.error("%s: bytes %d to %d do not hold: one that was deleted is not known", self._path, *wound)
        self._size, self._lead = len(text), b"" if text.endswith(b"\n") or not text else b"\n"

    def _note(self, stone: Tombstone) -> None:
        self._by_topic.pop(stone.topic, None)
        self._by_topic[stone.topic] = stone
        self._lines += 1

    def _forget(self, count: int, topics: Sequence[str]) -> None:
        for topic in topics[: max(count, 0)]:
            del self._by_topic[topic]
