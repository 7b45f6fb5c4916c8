"""Data directories to be opened: of many topics, or of many bytes. Filled by the journal itself."""

from __future__ import annotations

import os
import time
from pathlib import Path

from bench.workers.parts import RECORD, wait_for_go
from mq.config import Config
from mq.frame import Checked, check, encode, split
from mq.journal import index as indexing
from mq.journal import mark as marks
from mq.journal.file_journal import FileJournal
from mq.journal.index import Entry, Index
from mq.journal.layout import MARK, index_path, topic_directory

METRICS = ("cpu", "mem", "disk")
SMALL = Config(segment_bytes=4096)
HALF_OF_SMALL = b"x" * 2048
ROOM_LEFT_BYTES = 64 << 10


def keep(data: str, topics: str, frames: str, unmarked: str) -> None:
    """Keep so many frames of each topic, closed in order; when told to, some more, and end with no mark behind them."""
    numbers = range(int(topics))
    checked = [_frame(f"host/node{each // len(METRICS)}/{METRICS[each % len(METRICS)]}", RECORD) for each in numbers]
    journal = FileJournal(data, Config())
    for _ in range(int(frames)):
        journal.append(checked)
    journal.close()
    wait_for_go()
    _append_and_die(data, checked, int(unmarked))


def keep_large(data: str, topics: str, segments: str, segment_bytes: str) -> None:
    """Keep so many segments of each topic, a real frame at either end and a hole between; go on as `keep` does."""
    names = [f"large/topic{number}" for number in range(int(topics))]
    checked = [_frame(name, HALF_OF_SMALL) for name in names]
    journal = FileJournal(data, SMALL)
    for _ in range(2 * int(segments)):
        journal.append(checked)
    journal.close()
    for name in names:
        _stretch(Path(topic_directory(data, name)), name, int(segment_bytes) - ROOM_LEFT_BYTES)
    wait_for_go()
    _append_and_die(data, checked, 1)


def _frame(topic: str, record: bytes) -> Checked:
    return check(encode(topic, [record], produced=time.time_ns()))


def _append_and_die(data: str, checked: list[Checked], times: int) -> None:
    """Append as often as said, and end as a kill would end it: nothing synced, marked or closed."""
    journal = FileJournal(data, Config())
    for _ in range(times):
        journal.append(checked)
    os._exit(0)


def _stretch(directory: Path, topic: str, size: int) -> None:
    """Move the second of two frames in each segment to its end at `size`, with index and mark; between is a hole."""
    name, path = topic.encode() + b"\0", directory / MARK
    for segment in directory.glob("@*.log"):
        half = _stretch_segment(segment, name, size)
    mark = marks.decode(path.read_bytes(), name)
    assert mark is not None
    path.write_bytes(marks.encode(mark._replace(position=size, last=size - half), name))


def _stretch_segment(path: Path, name: bytes, size: int) -> int:
    """Stretch one, and return the bytes of a frame."""
    frames = path.read_bytes()
    half = len(frames) // 2
    os.truncate(path, half)
    with path.open("r+b") as segment:
        segment.seek(size - half)
        segment.write(frames[half:])
    index = Index()
    for frame, position in zip(split(frames), (0, size - half), strict=True):
        header = frame.header
        index.add(Entry(header.offset, header.appended, position, header.epoch))
    seed = indexing.seed(name, index[0].offset)
    Path(index_path(str(path))).write_bytes(indexing.encode(index, 0, seed))
    return half
