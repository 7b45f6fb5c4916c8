# ruff: noqa: S311 - chance decides what happens and what a disk holds; it has to be the same in each run
"""A loss of power at any moment: what was durable is there, and no reader is given a record that does not follow."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest
from crash_disk import EVERYTHING, NOTHING, CrashDisk, Disk, Fate
from journal_kit import ALL, Box, checked, put, read_all, split

from mq.config import Config
from mq.errors import Rewound, Trimmed
from mq.journal import syncing
from mq.journal.file_journal import FileJournal
from mq.journal.layout import MARK
from mq.journal.recovery import read_mark

TOPICS = ["a", "a/b", "c/d"]
LIMITS = Config(segment_bytes=4096, index_interval_bytes=1024, open_files_max=8)
STEPS = 60


class Record(NamedTuple):
    """A record, and the life of the journal that it was appended in."""

    epoch: int
    body: bytes


View = dict[str, dict[int, Record]]


class Appended(NamedTuple):
    """A record at its offset; at the moment `begun` it was not on its way yet, at `done` a reader could have it."""

    topic: str
    offset: int
    record: Record
    begun: int
    done: int


@dataclass
class Story:
    """What was done to a journal on one disk, and when. `views` are what readers saw on the disks before."""

    disk: CrashDisk
    views: list[View] = field(default_factory=list)
    appended: list[Appended] = field(default_factory=list)
    durable: list[tuple[int, dict[str, int]]] = field(default_factory=list)
    trimmed: list[tuple[int, str, int]] = field(default_factory=list)
    deleted: list[tuple[int, str, int]] = field(default_factory=list)

    @property
    def now(self) -> int:
        """How much has been done until now."""
        return len(self.disk.record)

    def written(self, moment: int) -> View:
        """Return what may be there at a moment."""
        return _view(each for each in self.appended if each.begun < moment or each.done == 0)

    def seen(self, moment: int) -> View:
        """Return what readers can have seen by then."""
        return _view(each for each in self.appended if each.done <= moment)

    def ends(self, moment: int) -> dict[str, int]:
        """Return the offset of each topic that all below was durable by then."""
        return next((ends for since, ends in reversed(self.durable) if since <= moment), {})

    def promised(self, moment: int) -> View:
        """Return what has to be there: durable by then, and not being trimmed."""
        ends = self.ends(moment)
        return {
            topic: {at: record for at, record in records.items() if at < ends.get(topic, 0)}
            for topic, records in self.untrimmed(moment).items()
        }

    def untrimmed(self, moment: int) -> View:
        """Return what nobody has begun to trim, of what readers can have seen by then."""
        kept = {topic: first for since, topic, first in self.trimmed if since < moment}
        return {
            topic: {at: record for at, record in records.items() if at >= kept.get(topic, 0)}
            for topic, records in self.seen(moment).items()
        }


def _view(appended: Iterator[Appended]) -> View:
    view: View = {topic: {} for topic in TOPICS}
    for each in appended:
        view[each.topic][each.offset] = each.record
    return view


# --- what happens before the cut ----------------------------------------------------------------------------------


class Workload:
    """A broker's doings, by chance, over several lives."""

    def __init__(self, story: Story, path: Path, random: Random) -> None:
        self.story, self.random = story, random
        self.box = Box(path, LIMITS, story.disk)
        self.journal = self.box.open()
        for topic, records in held(self.journal).items():
            story.appended += [Appended(topic, at, record, 0, 0) for at, record in records.items()]
        story.durable.append((0, self._ends()))

    def run(self, steps: int) -> None:
        """Do so many things; the journal is dropped at the end, as by kill -9."""
        doings = [self.append, self.sync, self.checkpoint, self.trim, self.delete, self.close, self.kill]
        for doing in self.random.choices(doings, [70, 10, 10, 4, 2, 3, 3], k=steps):
            doing()
        self.box.kill()

    def append(self) -> None:
        """Append a few frames to some topics."""
        random = self.random
        begun, frames = self.story.now, []
        bodies: dict[str, list[bytes]] = {}
        for _ in range(random.choice([1, 1, 2, 4])):
            topic = random.choice(TOPICS)
            records = [random.randbytes(random.choice([0, 20, 200, 700])) for _ in range(random.choice([1, 1, 3]))]
            bodies.setdefault(topic, []).extend(records)
            frames.append(checked(topic, *records))
        for run in self.journal.append(frames):
            assert run.error is None
            for at, body in enumerate(bodies[run.topic.decode()], run.offset):
                record = Record(self.journal.epoch, body)
                self.story.appended.append(Appended(run.topic.decode(), at, record, begun, self.story.now))

    def sync(self) -> None:
        """Sync."""
        self.journal.sync()
        self._note_durable()

    def checkpoint(self) -> None:
        """Sync, and write the marks."""
        self.journal.checkpoint()
        self._note_durable()

    def trim(self) -> None:
        """Delete some of the oldest segments of a topic."""
        topic, begun = self.random.choice(TOPICS), self.story.now
        info = {each.topic: each for each in self.journal.topics(ALL, None, 99)[0]}.get(topic)
        if info is not None:
            first = self.journal.trim(topic, self.random.randint(info.first, info.next))
            self.story.trimmed.append((begun, topic, first))

    def delete(self) -> None:
        """Delete a topic: what is durable of it then is that it is gone."""
        topic, begun = self.random.choice(TOPICS), self.story.now
        for end in self.journal.delete([topic]):
            self.story.trimmed.append((begun, topic, end.next))
            self.story.deleted.append((self.story.now, topic, end.next))

    def close(self) -> None:
        """End in order, and begin again."""
        self.journal.close()
        self.box.opened.clear()
        self._note_durable()
        self.journal = self.box.open()

    def kill(self) -> None:
        """End by kill -9, and begin again."""
        self.journal = self.box.open()

    def _note_durable(self) -> None:
        self.story.durable.append((self.story.now, self._ends()))

    def _ends(self) -> dict[str, int]:
        return {topic: max(records, default=-1) + 1 for topic, records in self.story.seen(self.story.now).items()}


def held(journal: FileJournal) -> View:
    """Return all that a journal serves. Offsets are dense, but where a gap is told."""
    view: View = {topic: {} for topic in TOPICS}
    for info in journal.topics(ALL, None, 99)[0]:
        seen = read_all(journal, info.topic, info.first, 1 << 20)
        assert seen.next == info.next
        for frame in split(seen.frames, info.topic):
            records = (Record(frame.header.epoch, body) for body in frame.records())
            view[info.topic].update(enumerate(records, frame.header.offset))
        assert view[info.topic].keys() == seen.records.keys()
    return view


# --- what must be true behind it ----------------------------------------------------------------------------------


def check(story: Story, moment: int, path: Path) -> None:
    """Open a journal on what a disk held at a moment, and hold it against the story."""
    box = Box(path, LIMITS)
    marked = {topic: synced_before(box, topic) for topic in TOPICS}
    try:
        journal = box.open()
        found, views = held(journal), [*story.views, story.seen(moment)]
        assert all(record.epoch < journal.epoch for view in views for each in view.values() for record in each.values())
        for topic in TOPICS:
            assert found[topic].items() >= story.promised(moment)[topic].items(), f"{topic}: a durable record is gone"
            assert found[topic].items() <= story.written(moment)[topic].items(), f"{topic}: a record was never written"
            gone = max((end for since, name, end in story.deleted if since <= moment and name == topic), default=0)
            assert min(found[topic], default=gone) >= gone, f"{topic}: a deleted record came back"
            old = [at for at in found[topic] if at < story.ends(moment).get(topic, 0)]
            assert old == list(range(min(old, default=0), max(old, default=-1) + 1)), f"{topic}: a trim left a hole"
            below = {at for at in story.untrimmed(moment)[topic] if at < marked[topic]}
            assert found[topic].keys() >= below, f"{topic}: the mark is ahead of what was synced"
            readers_go_on(journal, topic, found, views)
            put(journal, b"new", b"newer", topic=topic)
        again = held(journal)
        for topic in TOPICS:
            assert list(again[topic].items())[:-2] == list(found[topic].items())
            readers_go_on(journal, topic, again, views)
        journal.close()
        box.opened.clear()
        assert held(box.open()) == again
    finally:
        box.kill()


def synced_before(box: Box, topic: str) -> int:
    """Return the offset that all below had been synced, if the topic's mark is right."""
    directory = box.directory(topic)
    if not (directory / MARK).exists():
        return 0
    mark = read_mark(box.files, str(directory), topic.encode() + b"\0")
    return mark.next if mark is not None else 0


def readers_go_on(journal: FileJournal, topic: str, held: View, views: list[View]) -> None:
    """Let a reader go on from behind each record that one has seen."""
    for view in views:
        for at in view[topic]:
            reader_goes_on(journal, topic, at + 1, held[topic], view[topic])


def reader_goes_on(
    journal: FileJournal, topic: str, offset: int, held: dict[int, Record], seen: dict[int, Record]
) -> None:
    """Let one go on that has seen all below `offset`: it gets what follows, or is told that something is amiss."""
    before = seen[offset - 1]
    try:
        got = journal.read(topic, offset, before.epoch, 1)
    except (Trimmed, Rewound) as error:
        is_told_rightly(error, offset, held, seen)
        return
    assert held.get(offset - 1, before) == before, "what this reader saw is not what is there"
    due = got.lost if got.lost is not None else offset
    frames = split(got.frames, topic)
    records = {at: body for frame in frames for at, body in enumerate(frame.records(), frame.header.offset)}
    assert all(held[at].body == body for at, body in records.items())
    assert [at for at in records if at >= due] == list(range(due, got.next))
    assert not any(offset <= at < due for at in held), "a gap where a record is"


def is_told_rightly(error: Trimmed | Rewound, offset: int, held: dict[int, Record], seen: dict[int, Record]) -> None:
    """Hold against the log what a reader is told instead of records."""
    if isinstance(error, Trimmed):
        assert offset < error.first_kept
        assert all(at >= error.first_kept for at in held)
        return
    assert error.end <= offset
    assert held.get(offset - 1) != seen[offset - 1], "the record before is there, as it was"
    assert all(record == seen.get(at, record) for at, record in held.items() if at < error.end), "not all is shared"


# --- the cuts -----------------------------------------------------------------------------------------------------


@dataclass
class Cuts:
    """Cuts the power at moments and in ways of chance; then goes on from one of them, and does it again."""

    root: Path
    random: Random
    make: Callable[[Path], CrashDisk] = CrashDisk

    def run(self, disks: int, each: int) -> None:
        """Go through so many disks, and so many cuts of each."""
        path = self.root / "disk"
        path.mkdir()
        story = Story(self.make(path))
        for number in range(disks):
            Workload(story, path, self.random).run(STEPS)
            self._cut(story, each)
            path = self.root / f"disk{number}"
            story = self._go_on(story, path)

    def _cut(self, story: Story, each: int) -> None:
        wanted = self.random.choices(range(story.now + 1), k=each)
        for moment, disk in enumerate(story.disk.moments()):
            for _ in range(wanted.count(moment)):
                self._look(story, moment, disk, self.random.getrandbits(32))

    def _look(self, story: Story, moment: int, disk: Disk, seed: int) -> None:
        path = self.root / "cut"
        disk.build(fate(seed), path)
        try:
            check(story, moment, path)
        except Exception as error:
            error.add_note(f"disk {len(story.views)}, moment {moment}, fate {seed}")
            raise
        shutil.rmtree(path)

    def _go_on(self, story: Story, path: Path) -> Story:
        moment = self.random.randint(story.now // 2, story.now)
        for at, disk in enumerate(story.disk.moments()):
            if at == moment:
                disk.build(fate(self.random.getrandbits(32)), path)
        return Story(self.make(path), [*story.views, story.seen(moment)])


def fate(seed: int) -> Fate:
    """Return a fate: each tenth that nothing of what was not synced is there, each tenth that everything is."""
    return {0: NOTHING, 1: EVERYTHING}.get(seed % 10) or Fate(seed)


@pytest.mark.parametrize("seed", range(4))
def test_some_power_cuts(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syncing, "SYNC_ONE_BY_ONE_MAX", [32, 2][seed % 2])
    Cuts(tmp_path, Random(seed)).run(disks=2, each=40)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 110))
def test_many_power_cuts(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syncing, "SYNC_ONE_BY_ONE_MAX", [32, 2, 0][seed % 3])
    Cuts(tmp_path, Random(seed)).run(disks=3, each=80)


@pytest.mark.slow
@pytest.mark.parametrize("chosen", [NOTHING, EVERYTHING], ids=["nothing", "everything"])
def test_a_power_cut_at_each_moment(chosen: Fate, tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.mkdir()
    story = Story(CrashDisk(path))
    Workload(story, path, Random(7)).run(STEPS)
    for moment, disk in enumerate(story.disk.moments()):
        disk.build(chosen, tmp_path / str(moment))
        check(story, moment, tmp_path / str(moment))


# --- the disk itself ----------------------------------------------------------------------------------------------


class WithoutFiles(CrashDisk):
    """A disk that lies when it is asked to sync a file."""

    def sync(self, descriptor: int) -> None:
        """Do nothing."""


class WithoutNames(CrashDisk):
    """A disk that lies when it is asked to sync a directory."""

    def sync_directory(self, path: str) -> None:
        """Do nothing."""


@pytest.mark.parametrize("make", [WithoutFiles, WithoutNames])
def test_a_disk_that_lies_is_found_out(make: Callable[[Path], CrashDisk], tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        Cuts(tmp_path, Random(1), make).run(disks=1, each=40)


def states(disk: CrashDisk, path: Path) -> list[dict[str, bytes]]:
    """Return what may be in the root of a disk by now, in many ways of chance."""
    *_, last = disk.moments()
    found = []
    for seed in range(200):
        last.build(Fate(seed), path / str(seed))
        state = {each.name: each.read_bytes() for each in (path / str(seed)).iterdir()}
        found += [state] if state not in found else []
    return found


@pytest.fixture
def disk(tmp_path: Path) -> CrashDisk:
    (tmp_path / "root").mkdir()
    return CrashDisk(tmp_path / "root")


def _write(disk: CrashDisk, path: Path, data: bytes, *, is_synced: bool) -> None:
    descriptor = disk.open(str(path), os.O_WRONLY | os.O_CREAT)
    disk.write(descriptor, data)
    if is_synced:
        disk.sync(descriptor)
    disk.close(descriptor)


def test_a_synced_file_may_lack_its_name_until_its_directory_is_synced(disk: CrashDisk, tmp_path: Path) -> None:
    (tmp_path / "states").mkdir()
    (tmp_path / "later").mkdir()
    _write(disk, tmp_path / "root" / "x", b"x", is_synced=True)
    assert sorted(map(len, states(disk, tmp_path / "states"))) == [0, 1]
    disk.sync_directory(str(tmp_path / "root"))
    assert states(disk, tmp_path / "later") == [{"x": b"x"}]


def test_a_write_may_be_there_in_any_of_its_sectors(disk: CrashDisk, tmp_path: Path) -> None:
    (tmp_path / "states").mkdir()
    _write(disk, tmp_path / "root" / "x", b"1" * 512 + b"2" * 512, is_synced=False)
    disk.sync_directory(str(tmp_path / "root"))
    found = {state["x"] for state in states(disk, tmp_path / "states")}
    first, second, none = b"1" * 512, b"2" * 512, bytes(512)
    assert found == {b"", none + none, first + none, none + second, first + second}


def test_a_file_is_put_in_the_place_of_another_whole_or_not(disk: CrashDisk, tmp_path: Path) -> None:
    (tmp_path / "states").mkdir()
    root = tmp_path / "root"
    _write(disk, root / "x", b"old", is_synced=True)
    disk.sync_directory(str(root))
    _write(disk, root / "y", b"new", is_synced=True)
    disk.rename(str(root / "y"), str(root / "x"))
    assert {state["x"] for state in states(disk, tmp_path / "states")} == {b"old", b"new"}


def test_what_was_cut_or_removed_may_be_there_again(disk: CrashDisk, tmp_path: Path) -> None:
    (tmp_path / "states").mkdir()
    for name in "xy":
        _write(disk, tmp_path / "root" / name, b"12", is_synced=True)
    disk.sync_directory(str(tmp_path / "root"))
    disk.truncate(str(tmp_path / "root" / "x"), 1)
    disk.remove(str(tmp_path / "root" / "y"))
    found = {(state["x"], "y" in state) for state in states(disk, tmp_path / "states")}
    assert found >= {(b"1", False), (b"1", True), (b"12", False), (b"12", True)}
