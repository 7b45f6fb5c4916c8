"""Write ``journal-1``: a small data directory of format version 1, and what is in it as a list.

Run once, when the format was new. What it wrote is never to change: every later MiniMQ has to read it. As long as
format 1 is the one that is written, ``--check`` tells whether today's code would write the same; it changes nothing,
and exits with 1 if not.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from mq.config import Config
from mq.frame import check, encode, split
from mq.journal.file_journal import FileJournal

GOLDEN = Path(__file__).resolve().with_name("journal-1")
CONFIG = Config(segment_bytes=4096, index_interval_bytes=1024)
SECOND = 1_000_000_000
START = 1_764_000_000 * SECOND
LIVES = 2
FRAMES_A_LIFE = 12
PRODUCER = 0x0123_4567_89AB_CDEF


class Row(NamedTuple):
    """A record in the list."""

    offset: int
    time: int
    produced: int
    epoch: int
    body: str


def make(directory: Path) -> None:
    """Write the data directory and the list below `directory`."""
    data = directory / "data"
    records: dict[str, list[Row]] = {}
    for life in range(LIVES):
        moments = iter(range(START + life * 3600 * SECOND, 2**63, SECOND))
        journal = FileJournal(str(data), CONFIG, clock=lambda moments=moments: next(moments))  # type: ignore[misc]
        for topic, bodies, number in load(life):
            _append(journal, records.setdefault(topic, []), topic, bodies, number)
        journal.close()
    (data / "lock").unlink()  # it holds the number of the process
    (directory / "records.json").write_text(_text(records), "ascii")


def load(life: int) -> Iterator[tuple[str, list[bytes], int]]:
    """Yield the frames of one life: topic, records and number of the first; two topics, one below the other."""
    numbers = {"jobs": life * 1000, "jobs/nested.deep/x-1": life * 1000}
    for number in range(FRAMES_A_LIFE):
        for topic, first in numbers.items():
            count = 3 if number % 4 == 3 else 1
            yield topic, [_body(topic, first + each) for each in range(count)], first
            numbers[topic] = first + count


def files_in(directory: Path) -> dict[str, bytes]:
    """Return every file, with its bytes."""
    return {str(each.relative_to(directory)): each.read_bytes() for each in directory.rglob("*") if each.is_file()}


def main(arguments: list[str]) -> int:
    """Write the directory, or check it."""
    with tempfile.TemporaryDirectory() as temporary:
        make(Path(temporary))
        made = files_in(Path(temporary))
    if arguments == ["--check"]:
        return 0 if made == files_in(GOLDEN) else 1
    for name, content in made.items():
        (GOLDEN / name).parent.mkdir(parents=True, exist_ok=True)
        (GOLDEN / name).write_bytes(content)
    return 0


def _append(journal: FileJournal, records: list[Row], topic: str, bodies: list[bytes], number: int) -> None:
    produced = START - SECOND + number
    (run,) = journal.append([check(encode(topic, bodies, produced=produced, producer=PRODUCER, sequence=number))])
    if run.error is not None:
        raise run.error
    for frame in split(run.frames[0]):
        for offset, record in enumerate(bodies, frame.header.offset):
            records.append(Row(offset, frame.header.appended, produced, frame.header.epoch, record.hex()))


def _text(records: dict[str, list[Row]]) -> str:
    """Return the list, a record a line."""
    topics = [
        f"{json.dumps(topic)}: [\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]"
        for topic, rows in records.items()
    ]
    return "{\n" + ",\n".join(topics) + "\n}\n"


def _body(topic: str, number: int) -> bytes:
    """Return a record: not all of one size, one empty, and not text alone."""
    return b"" if number == 0 else f"{topic} {number} ".encode() + bytes(range(number * 7 % 230))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
