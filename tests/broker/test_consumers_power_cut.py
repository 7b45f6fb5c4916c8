# ruff: noqa: S311 - chance decides what happens and what a disk holds; it has to be the same in each run
"""A loss of power at any moment: of consumers everything is there that was durable, and nothing that never was said."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest
from consumer_kit import NAME, Scene

sys.path.insert(0, str(Path(__file__).parents[1] / "journal"))

from crash_disk import EVERYTHING, NOTHING, CrashDisk, Disk, Fate

from mq.broker import consumer_log
from mq.protocol import Agreed, Commit, Join

READER, TOPIC = "reader", "jobs/a"
RECORDS, STEPS = 60, 120
LIMITS: dict[str, Any] = {"segment_bytes": 4096, "consumer_tries_max": 1_000}


class Said(NamedTuple):
    """What had been said by a moment: how far the reader has committed, and which records the crew has settled."""

    committed: int = 0
    settled: frozenset[int] = frozenset()


class Story:
    """What was said on one disk: as of each moment it was begun at, and what of it was durable from when on."""

    def __init__(self, path: Path, random: Random) -> None:
        os.utime(path.parent, (0, 0))  # nothing was wiped there just now, so no second is to be waited out
        first = Scene(path, **LIMITS)
        first.append(TOPIC, RECORDS)
        first.journal.close()
        self.disk = CrashDisk(path)
        self.scene = Scene(path, self.disk, **LIMITS)
        self.random = random
        self.begun: list[tuple[int, Said]] = [(0, Said())]
        self.durable: list[tuple[int, Said]] = [(0, Said())]

    def run(self) -> None:
        """Let a reader commit and a crew settle, with syncs and restarts among that."""
        join(self.scene, READER, shared=False)
        join(self.scene, NAME, shared=True)
        held: set[int] = set()
        for _ in range(STEPS):
            said, now = self.begun[-1][1], len(self.disk.record)
            doing = self.random.choices(["commit", "take", "settle", "sync", "restart"], [40, 20, 20, 15, 1])[0]
            if doing == "commit":
                said = said._replace(committed=self.random.randint(said.committed, RECORDS))
                self.begun.append((now, said))
                row: list[Any] = [TOPIC, said.committed, 0]
                assert isinstance(self.scene.ask(Commit(self.scene.number(), READER, 1, [row])), Agreed)
            elif doing == "take":
                held |= offsets(self.scene.lease(1, self.random.randint(1, 5)))
            elif doing == "settle" and held:
                done = set(self.random.sample(sorted(held), self.random.randint(1, len(held))))
                said = said._replace(settled=said.settled | done)
                self.begun.append((now, said))
                assert self.scene.settle(1, done=[[TOPIC, at, at + 1] for at in done]) == []
                held -= done
            elif doing == "sync":
                self.scene.journal.checkpoint()
                self.durable.append((len(self.disk.record), said))
                self.scene.consuming.step()
            elif doing == "restart":
                self.scene.restart()
                self.durable.append((len(self.disk.record), said))
        self.scene.journal.close()

    def check(self, moment: int, path: Path) -> None:
        """Start a broker's consumers on what a disk held at a moment, and hold them against what was said."""
        may, must = last(self.begun, moment), last(self.durable, moment)
        scene = Scene(path, **LIMITS)
        try:
            known = {each.name for each in scene.consuming._registry.all}
            committed = scene.positions(READER).get(TOPIC, (0,))[0] if READER in known else 0
            assert must.committed <= committed <= may.committed
            join(scene, NAME, shared=True, member=2)
            given = everything_given(scene)
            assert not given & must.settled, "what was settled for certain is given out again"
            assert given | may.settled == set(range(RECORDS)), "a record that nobody has settled is given to nobody"
        finally:
            scene.journal.close()


def join(scene: Scene, name: str, *, shared: bool, member: int = 1) -> None:
    """Take part."""
    asked = Join(scene.number(), name, member, f"m{member}", ["jobs/#"], shared, 30)
    assert isinstance(scene.ask(asked), Agreed)


def offsets(rows: list[list[Any]]) -> set[int]:
    """Return the records in rows that were given out."""
    return {at for _, first, stop, _ in rows for at in range(first, stop)}


def everything_given(scene: Scene) -> set[int]:
    """Take and settle until there is no more, when those that were members before have been silent for long enough."""
    scene.now += 60
    join(scene, NAME, shared=True, member=2)
    given: set[int] = set()
    while rows := scene.lease(2, 100):
        assert not offsets(rows) & given, "given out twice to one that settles"
        given |= offsets(rows)
        assert scene.settle(2, done=[row[:3] for row in rows]) == []
        scene.now += 1
    return given


def last(said: list[tuple[int, Said]], moment: int) -> Said:
    """Return what was said last by a moment."""
    return next(each for since, each in reversed(said) if since <= moment)


def fate(seed: int) -> Fate:
    """Return a fate: each tenth that nothing of what was not synced is there, each tenth that everything is."""
    return {0: NOTHING, 1: EVERYTHING}.get(seed % 10) or Fate(seed)


def look(story: Story, moment: int, disk: Disk, seed: int, path: Path) -> None:
    """Cut the power at a moment, with one of the fates that a disk may have then."""
    disk.build(fate(seed), path)
    os.utime(path.parent, (0, 0))
    try:
        story.check(moment, path)
    except Exception as error:
        error.add_note(f"moment {moment}, fate {seed}")
        raise
    shutil.rmtree(path)


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 12))])
def test_power_cuts(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer_log, "EVENTS_BYTES_LEAST", 600)
    random = Random(seed)
    story = Story(tmp_path / "disk", random)
    story.run()
    wanted = random.choices(range(len(story.disk.record) + 1), k=60)
    for moment, disk in enumerate(story.disk.moments()):
        for _ in range(wanted.count(moment)):
            look(story, moment, disk, random.getrandbits(32), tmp_path / "cut")
