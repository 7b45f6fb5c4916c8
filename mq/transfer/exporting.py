"""An export: settled once, written in parts, and gone on with where it ended when it is asked for again.

Beside the file that is to be, ``FILE.parts`` holds the plan (which offsets of which topics) and the parts that are
done. A part's name says where the next one begins, so nothing else has to be kept in step with them. At the end they
are joined to ``whole``, the mark ``joined`` says so, and ``whole`` takes the name of the file: a mark with no ``whole``
beside it is what is left of an export that was ended between there and its end.
"""

from __future__ import annotations

import fcntl
import json
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mq.client.message import Batch
from mq.client.ranges import Event, Range
from mq.errors import MqError
from mq.transfer.drafts import DRAFT, moved, published
from mq.transfer.formats import Format, format_of
from mq.transfer.rows import Row, row_of

PART_ROWS = 100_000
TOLD_ROWS = 1_000
PART_CHARACTERS = 64 << 20
PLAN, LOCK, WHOLE, JOINED = "plan.json", "lock", "whole", "joined"
VERSION = 1
_PART = re.compile(r"part-(\d{8})-(\d{8})-(\d{20})-(\d{1,9})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Asked:
    """What an export is asked for, in the words of whoever asks: they tell whether it is the same as before."""

    patterns: tuple[str, ...]
    start: str | None
    stop: str | None


class Unfinished(MqError):
    """An export that ended before its end. What is done is kept in `folder`."""

    def __init__(self, folder: Path, why: MqError) -> None:
        self.folder = folder
        super().__init__(f"{why}; what is done is kept in {folder}: asked for again, it goes on from there")


@dataclass(slots=True)
class Place:
    """Where the next part begins: its number, the range that it begins in, and the offset there."""

    part: int
    range: int
    offset: int


@dataclass(slots=True)
class Exported:
    """What became of it: `records` in the file, `resumed` when some of them were written by a run before this one."""

    records: int
    topics: int
    resumed: bool
    events: list[Event] = field(default_factory=list)


Settle = Callable[[], list[Range]]
Read = Callable[[Range], Iterator[Batch | Event]]
Tell = Callable[[int, int | None], None]


def export(
    path: Path, asked: Asked, settle: Settle, read: Read, tell: Tell | None = None, *, overwrite: bool = False
) -> Exported:
    """Write a file, going on where an earlier run of the same was ended. `settle` is called only if there was none.

    Raises `MqError` for a file that is there already, another export at work, or an unfinished one of something else,
    and `Unfinished`.
    """
    form = format_of(path)
    folder = path.with_name(path.name + ".parts")
    _clear_what_a_whole_one_left(folder)
    if path.exists() and not overwrite:
        raise MqError(f"{path} is there already: choose another name, or say --overwrite")
    ranges = [] if (folder / PLAN).exists() else settle()
    folder.mkdir(exist_ok=True)
    with _locked(folder):
        ranges, resumed = _plan(folder, asked, ranges)
        work = _Work(folder, form, ranges)
        try:
            work.write_parts(read, tell)
        except MqError as error:
            raise Unfinished(folder, error) from None
        work.join(path)
        done = Exported(work.records(), len({each.topic for each in ranges}), resumed, work.events)
    shutil.rmtree(folder)
    return done


def _clear_what_a_whole_one_left(folder: Path) -> None:
    if (folder / JOINED).exists() and not (folder / WHOLE).exists():
        shutil.rmtree(folder)


class _Work:
    """The parts of an export."""

    def __init__(self, folder: Path, form: Format, ranges: Sequence[Range]) -> None:
        self._folder, self._form, self._ranges = folder, form, ranges
        self.events: list[Event] = []

    def write_parts(self, read: Read, tell: Tell | None) -> None:
        """Write those that are not there yet."""
        place = self._place()
        rows: list[Row] = []
        size = number = 0
        whole = sum(each.stop - each.first for each in self._ranges)
        for number, row in self._rows(read, place):
            rows.append(row)
            size += len(row.body)
            if len(rows) >= PART_ROWS or size >= PART_CHARACTERS:
                self._write(rows, place, number)
                rows, size = [], 0
            if tell is not None and len(rows) % TOLD_ROWS == 0:
                tell(self._done(place) + len(rows), whole)
        if rows:
            self._write(rows, place, number)

    def join(self, path: Path) -> None:
        """Make one file of the parts, which takes the name that it is to have when it is whole."""
        whole = self._folder / WHOLE
        with published(whole) as draft:
            self._form.join(draft, self.parts())
        with published(self._folder / JOINED) as draft:
            draft.touch()
        moved(whole, path)

    def parts(self) -> list[Path]:
        """Return the parts that are done, in order."""
        return sorted(path for path in self._folder.iterdir() if _PART.fullmatch(path.name))

    def records(self) -> int:
        """Return how many records the parts hold."""
        return sum(int(found[4]) for path in self.parts() if (found := _PART.fullmatch(path.name)))

    def _place(self) -> Place:
        """Return where to go on, once what did not become a part is cleared away."""
        for path in self._folder.glob(f"*{DRAFT}"):
            path.unlink()
        parts = self.parts()
        found = _PART.fullmatch(parts[-1].name) if parts else None
        if found is None:
            return Place(0, 0, self._ranges[0].first)
        place = Place(int(found[1]) + 1, int(found[2]), int(found[3]))
        if place.range >= len(self._ranges):
            raise MqError(f"{parts[-1]} is no part of this export: delete {self._folder}, or choose another --out")
        return place

    def _rows(self, read: Read, place: Place) -> Iterator[tuple[int, Row]]:
        """Yield rows from a place on, each with the number of its range."""
        begin = place.range
        rest = [self._ranges[begin]._replace(first=place.offset), *self._ranges[begin + 1 :]]
        for number, each in enumerate(rest, begin):
            for found in read(each) if each.first < each.stop else ():
                if isinstance(found, Batch):
                    yield from ((number, row_of(message)) for message in found.messages())
                else:
                    self.events.append(found)

    def _write(self, rows: Sequence[Row], place: Place, number: int) -> None:
        following = rows[-1].offset + 1
        name = f"part-{place.part:08}-{number:08}-{following:020}-{len(rows)}"
        with published(self._folder / name) as draft:
            self._form.write(draft, rows)
        place.part, place.range, place.offset = place.part + 1, number, following

    def _done(self, place: Place) -> int:
        before = sum(each.stop - each.first for each in self._ranges[: place.range])
        return before + place.offset - self._ranges[place.range].first


def _plan(folder: Path, asked: Asked, settled: list[Range]) -> tuple[list[Range], bool]:
    """Return what is to be exported, and whether that was settled by an earlier run."""
    path = folder / PLAN
    words = {"version": VERSION, "patterns": list(asked.patterns), "start": asked.start, "stop": asked.stop}
    if not path.exists():
        with published(path) as draft:
            draft.write_text(json.dumps({**words, "ranges": settled}))
        return settled, False
    found = _read_plan(path)
    if any(found.get(name) != it for name, it in words.items()):
        what = f"{' '.join(found['patterns'])} from {found['start'] or 'the beginning'} to {found['stop'] or 'the end'}"
        raise MqError(f"{folder} holds an unfinished export of {what}: delete it, or choose another --out")
    return [Range(*each) for each in found["ranges"]], True


def _read_plan(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text())
        if {"patterns", "start", "stop"} <= found.keys() and found["ranges"] and all(map(_is_range, found["ranges"])):
            return found
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise MqError(f"{path} is no plan of an export: delete {path.parent}, or choose another --out")


def _is_range(it: Any) -> bool:
    return list(map(type, it)) == [str, int, int]


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise MqError(f"another export is at work in {folder}: wait for it, or choose another --out") from None
        yield
