"""Repair: said first, then done; and what is read then is what recovery by itself would have left."""

from __future__ import annotations

import errno
import os
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
from crash_disk import NOTHING, CrashDisk, Fate
from google_crc32c import value
from journal_faults import Fault, FaultyFiles
from journal_kit import Box, put, tree
from repair_kit import HURTS, Hurt, assert_in_order, filled, look, repaired, repairing, view_of, view_of_copy
from test_journal_wounds import WOUNDS, Wound, Wounded

from mq.cli.steps import fields_of
from mq.errors import JournalError, Locked
from mq.journal.steps import RepairPlan
from mq.journal.verify import verify

each_hurt = pytest.mark.parametrize("hurt", HURTS, ids=lambda hurt: hurt.__name__.strip("_"))


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    box = filled(tmp_path / "data")
    yield box
    box.kill()


def kinds(plan: RepairPlan) -> list[str]:
    return [fields_of(step)["kind"] for step in plan.steps]


# --- each fault ---------------------------------------------------------------------------------------------------


@each_hurt
def test_it_is_said_and_nothing_is_changed(box: Box, hurt: Hurt) -> None:
    hurt(box)
    before = tree(box.path)
    plan = look(box)
    assert kinds(plan) == HURTS[hurt]
    assert tree(box.path) == before
    assert look(box) == plan


@each_hurt
def test_it_is_done_and_read_as_after_recovery(box: Box, tmp_path: Path, hurt: Hurt) -> None:
    hurt(box)
    expected = view_of_copy(box, tmp_path / "copy")
    gone = [(lost.first, lost.next) for lost in look(box).lost if lost.next > lost.first and lost.is_gap]
    repaired(box)
    report = verify(box.data)
    assert_in_order(report)
    assert [(it.first, it.next) for it in report.findings if it.next != it.first] == gone
    assert look(box).steps == ()
    assert view_of(box) == expected
    assert view_of(box) == expected


@each_hurt
def test_a_broker_that_starts_then_has_nothing_to_mend(box: Box, hurt: Hurt, caplog: pytest.LogCaptureFixture) -> None:
    hurt(box)
    repaired(box)
    caplog.clear()
    copies = box.quarantine()
    journal = box.open()
    assert caplog.records == []
    assert box.quarantine() == copies
    assert journal.epoch > 1
    assert put(journal, b"more").error is None


@pytest.mark.parametrize("wound", WOUNDS)
def test_damage_is_repaired_to_what_recovery_makes_of_it(tmp_path: Path, wound: Wound) -> None:
    """Forty places, in closed segments and the active one, below the mark and past it."""
    whole = Wounded(tmp_path / "whole")
    whole.fill(close=False)
    chance = random.Random(wound.__name__)  # noqa: S311 - the same places each time
    for _ in range(40):
        shutil.copytree(whole.path, tmp_path / "data")
        box = Box(tmp_path / "data", whole.config, whole.files, whole.clock)
        path = chance.choice(box.segments())
        wound(path, chance.randrange(path.stat().st_size))
        expected = view_of_copy(box, tmp_path / "copy")
        repaired(box)
        assert_in_order(verify(box.data))
        assert look(box).steps == ()
        assert view_of(box) == expected
        shutil.rmtree(box.path)


def test_what_is_whole_has_nothing_to_mend(box: Box) -> None:
    assert look(box) == RepairPlan((), ())
    killed = filled(box.path.with_name("killed"), close=False)
    assert look(killed) == RepairPlan((), ())


def test_the_steps_name_file_bytes_and_offsets(box: Box) -> None:
    path = box.segments()[-1]
    size = path.stat().st_size
    with path.open("ab") as file:
        file.write(b"torn")
    (cut,) = look(box).steps
    assert fields_of(cut) == {
        "kind": "cut",
        "topic": "host/n1/cpu",
        "path": str(path),
        "start": size,
        "stop": size + 4,
        "first": 60,
        "next": None,
        "what": "a write that did not come to its end: cut, once a copy is in quarantine",
    }
    os.truncate(path, size - 5)
    begin, mark = look(box).steps
    assert fields_of(begin)["path"] == str(box.directory() / f"@{60:020}.log")
    assert fields_of(begin)["first"] == 60
    assert f"{path}: it does not end at byte {size} as it did when synced" in fields_of(begin)["what"]
    assert fields_of(mark)["path"] == str(box.directory() / "@mark")
    (lost,) = look(box).lost
    assert fields_of(lost)["what"] == "offsets 59 to 59 of host/n1/cpu are gone; they stay an explicit gap"


def test_a_log_that_is_gone_begins_behind_what_it_was(box: Box) -> None:
    for path in box.segments():
        path.unlink()
    (lost,) = look(box).lost
    assert fields_of(lost)["what"] == "offsets 48 to 59 of host/n1/cpu are gone; the log begins behind them"


def test_what_is_cut_is_kept(box: Box) -> None:
    torn = [box.segments()[0], box.segments()[-1]]
    for path in torn:
        with path.open("ab") as file:
            file.write(b"torn " + path.name.encode())
    repaired(box)
    assert [path.read_bytes() for path in box.quarantine()] == [b"torn " + path.name.encode() for path in torn]


def test_a_mark_that_no_log_is_of_is_kept_as_a_copy(box: Box) -> None:
    box.directory("gone").mkdir()
    (box.directory("gone") / "@mark").write_bytes(b"\1" * 48)
    repaired(box)
    assert list(box.directory("gone").iterdir()) == []
    assert [path.read_bytes() for path in box.quarantine()] == [b"\1" * 48]


@pytest.mark.parametrize("left", ["@mark", f"@{48:020}.log", f"@{48:020}.index"])
def test_what_is_left_of_a_deleted_topic_is_left_to_the_next_start(box: Box, left: str) -> None:
    saved = (box.directory() / left).read_bytes()
    box.open().delete(["host/n1/cpu"])
    box.kill()
    box.directory().mkdir(parents=True)
    (box.directory() / left).write_bytes(saved)
    assert look(box) == RepairPlan((), ())
    assert [note.path for note in verify(box.data).notes] == [str(box.directory())]
    assert list(view_of(box)) == ["a"]


# --- cut short ----------------------------------------------------------------------------------------------------


class Killed(BaseException):
    """Nothing that comes behind it is done, as after kill -9."""


@dataclass
class Mortal(FaultyFiles):
    """Files that die when `calls` calls that change something have been made."""

    calls: int = 0

    def _struck(self, operation: str, path: str) -> Fault | None:
        if operation in {"write", "write_at", "truncate", "make_directory", "rename", "remove"}:
            if self.calls == 0:
                raise Killed
            self.calls -= 1
        return super()._struck(operation, path)


@each_hurt
def test_a_repair_that_is_killed_anywhere_is_finished_by_the_next(box: Box, tmp_path: Path, hurt: Hurt) -> None:
    hurt(box)
    expected = view_of_copy(box, tmp_path / "copy")
    shutil.copytree(box.path, tmp_path / "saved")
    for calls in count():
        try:
            repaired(box, Mortal(calls=calls))
        except Killed:
            assert view_of_copy(box, tmp_path / "copy") == expected
            repaired(box)
        else:
            assert bool(calls) == bool(HURTS[hurt])
            return
        assert_in_order(verify(box.data))
        assert look(box).steps == ()
        assert view_of(box) == expected
        shutil.rmtree(box.path)
        shutil.copytree(tmp_path / "saved", box.path)


@each_hurt
def test_power_lost_at_any_moment_of_a_repair_loses_nothing_and_behind_it_all_is_on_the_disk(
    box: Box, tmp_path: Path, hurt: Hurt
) -> None:
    hurt(box)
    expected = view_of_copy(box, tmp_path / "copy")
    disk = CrashDisk(box.path)
    repaired(box, disk)
    built = Box(tmp_path / "built", box.config, box.files, box.clock)
    for moment, each in enumerate(disk.moments()):
        for fate in (NOTHING, Fate(moment)):
            each.build(fate, built.path)
            is_done = moment == len(disk.record)
            assert not is_done or look(built).steps == ()
            repaired(built)
            assert_in_order(verify(built.data))
            assert view_of(built) == expected
            shutil.rmtree(built.path)


def test_a_mark_is_written_once_all_that_it_speaks_of_is_on_the_disk(box: Box) -> None:
    """An earlier life may not have come to that."""
    (box.directory() / "@mark").write_bytes(b"")
    files = FaultyFiles()
    repaired(box, files)
    (mark,) = (at for at, (what, path) in enumerate(files.done) if what == "write_at" and path.endswith("cpu/@mark"))
    before = files.done[:mark]
    assert ("sync", str(box.segments()[-1])) in before
    for directory in (box.directory(), box.directory().parent, box.path / "topics", box.path):
        assert ("sync_directory", str(directory)) in before


CANNOT = {
    "open": ".torn",
    "write": ".torn",
    "truncate": ".log",
    "sync": ".log",
    "sync_directory": "cpu",
    "make_directory": "quarantine",
}


@pytest.mark.parametrize(("operation", "ending"), CANNOT.items())
def test_what_cannot_be_done_is_said_and_done_by_the_next(box: Box, operation: str, ending: str) -> None:
    with box.segments()[-1].open("ab") as file:
        file.write(b"torn")
    (box.path / "journal").unlink()
    files = FaultyFiles()
    with repairing(box, files) as (repair, plan):
        files.add(operation, ending, errno.ENOSPC)
        with pytest.raises(JournalError, match="No space left on device: 0 of 2 steps are done"):
            repair.carry_out(plan)
    assert kinds(look(box))[-1] == "meta"
    repaired(box)
    assert look(box).steps == ()


# --- whose directory it is ----------------------------------------------------------------------------------------


def test_beside_a_broker_it_is_refused_and_the_owner_named(box: Box) -> None:
    box.open()
    before = tree(box.path)
    with pytest.raises(Locked, match=f"process {os.getpid()}"):
        look(box)
    assert tree(box.path) == before


def test_while_it_looks_no_broker_starts_and_no_other_repair(box: Box) -> None:
    with repairing(box), pytest.raises(Locked):
        box.open()
    with repairing(box), pytest.raises(Locked):
        look(box)
    box.open()


def test_while_it_acts_it_is_the_owner(box: Box) -> None:
    (box.path / "journal").unlink()
    (box.path / "lock").write_text("process 1 of long ago\n")
    with repairing(box) as (repair, plan):
        assert (box.path / "lock").read_text() == "process 1 of long ago\n"
        repair.carry_out(plan)
        assert (box.path / "lock").read_text() == f"process {os.getpid()} on {os.uname().nodename}\n"


def test_also_where_there_is_no_lock_a_look_keeps_others_out_and_makes_none(box: Box) -> None:
    (box.path / "lock").unlink()
    (box.path / "journal").unlink()
    with repairing(box) as (repair, plan):
        assert not (box.path / "lock").exists()
        with pytest.raises(Locked):
            box.open()
        assert not (box.path / "lock").exists()
        repair.carry_out(plan)
    assert look(box).steps == ()
    put(box.open(), b"afterwards")


def test_a_newer_format_is_refused_untouched(box: Box) -> None:
    text = b"minimq journal 2\n"
    (box.path / "journal").write_bytes(text + b"crc %08x\n" % value(text))
    (box.path / "lock").unlink()
    before = tree(box.path)
    with pytest.raises(JournalError, match="newer MiniMQ"):
        look(box)
    assert tree(box.path) == before


@pytest.mark.parametrize(
    ("name", "why"), {".": "not a MiniMQ data", "none": "No such file", "thesis.tex": "Not a directory"}.items()
)
def test_what_is_no_data_directory_is_refused_untouched(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "thesis.tex").write_text("42")
    with pytest.raises(JournalError, match=why):
        look(Box(tmp_path / name))
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
