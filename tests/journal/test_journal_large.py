"""A journal of many large segments is opened without being read through, and takes no more memory than a small one."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from journal_kit import Box, QuickFiles, checked, numbered, split

from mq.config import Config
from mq.journal import index as indexing
from mq.journal import layout
from mq.journal import mark as marks
from mq.journal.index import Entry, Index
from mq.topic import Pattern

TOPICS = [f"large/topic{number}" for number in range(4)]
SEGMENTS = 400
HALF = 2048
LARGE = Config()
SMALL = Config(segment_bytes=4096)
STRETCHED = LARGE.segment_bytes - 4096


class CountingFiles(QuickFiles):
    """The real files; `read` is how many bytes were asked of them."""

    read = 0

    def read_at(self, descriptor: int, size: int, position: int) -> bytes:
        """Read, and count."""
        found = super().read_at(descriptor, size, position)
        self.read += len(found)
        return found


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    box = Box(tmp_path / "data", LARGE)
    yield box
    box.kill()


def fill(box: Box) -> None:
    """Fill segments with two frames each, and end in order."""
    journal = box.open(SMALL)
    for number in range(2 * SEGMENTS):
        journal.append([checked(topic, numbered(number, HALF)) for topic in TOPICS])
    journal.close()
    box.opened.clear()
    assert all(len(box.segments(topic)) == SEGMENTS for topic in TOPICS)


def stretch(box: Box, topic: str) -> None:
    """Move the second frame of each segment to the end of a large one, with index and mark; between is a hole."""
    name, path = topic.encode() + b"\0", box.directory(topic) / layout.MARK
    for segment in box.segments(topic):
        half = stretch_segment(segment, topic, name)
    mark = marks.decode(path.read_bytes(), name)
    assert mark is not None
    path.write_bytes(marks.encode(mark._replace(position=STRETCHED, last=STRETCHED - half), name))


def stretch_segment(path: Path, topic: str, name: bytes) -> int:
    """Stretch one, and return the bytes of a frame."""
    frames = path.read_bytes()
    half = len(frames) // 2
    os.truncate(path, half)
    with path.open("r+b") as segment:
        segment.seek(STRETCHED - half)
        segment.write(frames[half:])
    index = Index()
    for frame, position in zip(split(frames, topic), (0, STRETCHED - half), strict=True):
        header = frame.header
        index.add(Entry(header.offset, header.appended, position, header.epoch))
    seed = indexing.seed(name, index[0].offset)
    Path(layout.index_path(str(path))).write_bytes(indexing.encode(index, 0, seed))
    return half


def leave_unmarked(box: Box) -> None:
    """Append a frame to each topic, and end with no mark behind it, as a kill does."""
    box.open().append([checked(topic, b"past the mark") for topic in TOPICS])
    box.kill()


def cost_of_opening(box: Box) -> tuple[int, int]:
    """Return how many bytes an opening reads, and how much memory it takes at most; it leaves all as it was."""
    files = box.files = CountingFiles()
    tracemalloc.start()
    try:
        box.open()
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    box.kill()
    return files.read, most


@pytest.mark.slow
@pytest.mark.parametrize("killed", [False, True])
def test_opening_neither_reads_large_segments_nor_takes_memory_for_them(box: Box, tmp_path: Path, killed: bool) -> None:
    small = Box(tmp_path / "small", LARGE)
    for each in (small, box):
        fill(each)
    for topic in TOPICS:
        stretch(box, topic)
    if killed:
        leave_unmarked(small)
        leave_unmarked(box)
    cost_of_opening(small)  # what is imported and cached once is not counted
    _, memory = cost_of_opening(small)
    paths = [path for topic in TOPICS for path in box.segments(topic)]
    assert sum(path.stat().st_size for path in paths) > 107_000_000_000
    assert sum(path.stat().st_blocks * 512 for path in paths) < 20 << 20
    read_large, memory_large = cost_of_opening(box)
    assert read_large < 10_000 * len(TOPICS)
    assert memory_large < 1.05 * memory


@pytest.mark.slow
def test_of_a_large_segment_both_ends_are_served(box: Box) -> None:
    fill(box)
    for topic in TOPICS:
        stretch(box, topic)
    journal = box.open()
    for topic in TOPICS:
        (first,) = split(journal.read(topic, 0, None, 1).frames, topic)
        assert first.records() == [numbered(0, HALF)]
    last = [split(journal.last([Pattern.parse(topic)], None, 1)[0], topic)[0] for topic in TOPICS]
    assert [frame.records() for frame in last] == [[numbered(2 * SEGMENTS - 1, HALF)]] * len(TOPICS)
