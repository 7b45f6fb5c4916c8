"""What the tests of repair share: a journal to be hurt, the ways to hurt it, and what its readers see."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from google_crc32c import value
from journal_kit import ALL, SECOND, TOPIC, Box, QuickFiles, Seen, checked, fill, put, read_all

from mq.errors import Trimmed
from mq.frame import stamp
from mq.journal.files import Files
from mq.journal.repair import Repair
from mq.journal.steps import RepairPlan
from mq.journal.verify import Report

OTHER = "a"
FRAMES = 60

Hurt = Callable[[Box], None]
View = dict[str, tuple[dict[int, bytes], list[tuple[int, int]], int]]


def filled(path: Path, *, close: bool = True) -> Box:
    """Return a closed journal with a log of 60 records in three segments, and another of one batch.

    Without `close` it ends as by kill -9: marked in the middle of the last segment.
    """
    box = Box(path)
    journal = box.open()
    fill(journal, FRAMES - 4)
    put(journal, b"x", b"y", topic=OTHER)
    journal.checkpoint()
    journal.checkpoint()
    for number in range(FRAMES - 4, FRAMES):
        put(journal, f"record {number}".encode().ljust(100, b"."))
    if close:
        journal.close()
        box.opened.clear()
    box.kill()
    return box


def view_of(box: Box) -> View:
    """Return what readers see once a broker has opened the directory: records, gaps and the end, of each topic."""
    journal = box.open()
    topics = [info.topic for info in journal.topics(ALL, None, 99)[0]]
    view = {}
    for topic in topics:
        seen = _all_there_is(box, topic)
        view[topic] = (seen.records, seen.gaps, seen.next)
    box.kill()
    return view


def _all_there_is(box: Box, topic: str) -> Seen:
    try:
        return read_all(box.opened[-1], topic)
    except Trimmed as trimmed:
        return read_all(box.opened[-1], topic, trimmed.first_kept)


def view_of_copy(box: Box, path: Path) -> View:
    """Return the same of a copy, so that what recovery does is done to that."""
    shutil.copytree(box.path, path)
    try:
        return view_of(Box(path, box.config, QuickFiles(), replace(box.clock)))
    finally:
        shutil.rmtree(path)


@contextmanager
def repairing(box: Box, files: Files | None = None) -> Iterator[tuple[Repair, RepairPlan]]:
    """Look at a directory, and hold its lock for as long as the block lasts."""
    with Repair(box.data, box.config, files or box.files, box.clock) as repair:
        yield repair, repair.plan()


def repaired(box: Box, files: Files | None = None) -> RepairPlan:
    """Repair a directory, and return what was planned."""
    with repairing(box, files) as (repair, plan):
        repair.carry_out(plan)
    return plan


def look(box: Box) -> RepairPlan:
    """Return what is to be done, without doing it."""
    with repairing(box) as (_, plan):
        return plan


def assert_in_order(report: Report) -> None:
    """See that nothing is left but gaps: bytes of a log, with the offsets that are gone."""
    assert [finding for finding in report.findings if finding.kind == "torn" or finding.first is None] == []
    assert [note for note in report.notes if not note.path.endswith("/quarantine")] == []


# --- ways to hurt it ----------------------------------------------------------------------------------------------


def _append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def _flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def _active(box: Box) -> Path:
    return box.segments()[-1]


def _frame(box: Box) -> int:
    """Return the size of each frame of the log."""
    return len(box.log()) // FRAMES


def _mark(box: Box) -> Path:
    return box.directory() / "@mark"


def _torn(box: Box) -> None:
    _append(_active(box), _active(box).read_bytes()[:77])


def _torn_behind_a_segment_with_no_index(box: Box) -> None:
    _torn(box)
    box.segments()[-2].with_suffix(".index").unlink()


def _nothing_but_torn(box: Box) -> None:
    path = box.directory("new")
    path.mkdir()
    (path / f"@{0:020}.log").write_bytes(b"new\0MQ and no more")
    (path / "@mark").write_bytes(b"\1" * 48)


def _truncated(box: Box) -> None:
    os.truncate(_active(box), _active(box).stat().st_size - 5)


def _truncated_and_unindexed(box: Box) -> None:
    _truncated(box)
    _active(box).with_suffix(".index").unlink()


def _pushed_in(box: Box) -> None:
    path, at = _active(box), 3 * _frame(box)
    data = path.read_bytes()
    path.write_bytes(data[:at] + b"1234567" + data[at:])


def _pushed_in_and_torn(box: Box) -> None:
    _pushed_in(box)
    _append(_active(box), bytes(100))


def _pushed_in_far_and_last_frame_lost(box: Box) -> None:
    path, at = _active(box), 3 * _frame(box)
    data = path.read_bytes()
    path.write_bytes(data[:at] + bytes(2 * _frame(box)) + data[at:-5])


def _frame_out_of_reach(box: Box) -> None:
    """Behind a torn frame a good one, of which so many records cannot have come."""
    now = box.clock.now
    _torn(box)
    _append(_active(box), stamp(checked(TOPIC, b"from nowhere"), 1 << 62, now, now // SECOND))


def _middle(box: Box) -> None:
    _flip(box.segments()[1], 5 * _frame(box) + 80)


def _middle_of_the_last(box: Box) -> None:
    _flip(_active(box), 3 * _frame(box) + 80)


def _last_frame_and_torn(box: Box) -> None:
    _flip(_active(box), _active(box).stat().st_size - 3)
    _append(_active(box), b"torn")


def _closed_is_missing(box: Box) -> None:
    box.segments()[1].unlink()


def _active_is_missing(box: Box) -> None:
    _active(box).unlink()


def _all_are_missing(box: Box) -> None:
    for path in box.segments():
        path.unlink()


def _closed_was_left_torn(box: Box) -> None:
    _append(box.segments()[0], b"a torn tail that could not be cut")


def _mark_is_flipped(box: Box) -> None:
    _flip(_mark(box), 9)


def _mark_is_flipped_and_the_log_torn(box: Box) -> None:
    _mark_is_flipped(box)
    _torn(box)


def _mark_is_blank(box: Box) -> None:
    _mark(box).write_bytes(bytes(48))


def _mark_is_empty(box: Box) -> None:
    _mark(box).write_bytes(b"")


def _mark_is_long(box: Box) -> None:
    _mark(box).write_bytes(b"garbage" * 9)


def _mark_of_another_topic(box: Box) -> None:
    shutil.copyfile(box.directory(OTHER) / "@mark", _mark(box))


def _mark_of_no_log(box: Box) -> None:
    box.directory("gone").mkdir()
    (box.directory("gone") / "@mark").write_bytes(b"\1" * 48)


def _mark_is_damaged_and_its_segment_missing(box: Box) -> None:
    _mark_is_flipped(box)
    _active_is_missing(box)


def _index_is_missing(box: Box) -> None:
    box.segments()[0].with_suffix(".index").unlink()


def _index_is_cut(box: Box) -> None:
    os.truncate(box.segments()[0].with_suffix(".index"), 33)


def _index_is_flipped(box: Box) -> None:
    _flip(_active(box).with_suffix(".index"), 3)


def _index_of_another_time(box: Box) -> None:
    other = Box(box.path.with_name("other"), box.config)
    other.clock.now += 5
    fill(other.open(), FRAMES)
    other.opened[-1].close()
    other.opened.clear()
    for path in other.segments():
        shutil.copyfile(path.with_suffix(".index"), (box.directory() / path.name).with_suffix(".index"))
    shutil.rmtree(other.path)


def _meta_is_missing(box: Box) -> None:
    (box.path / "journal").unlink()


def _meta_is_damaged(box: Box) -> None:
    (box.path / "journal").write_bytes(b"minimq journal 1\nepoch 17\ncrc 00000000\n")


def _meta_is_older(box: Box) -> None:
    text = b"minimq journal 1\nepoch 17\n"
    (box.path / "journal").write_bytes(text + b"crc %08x\n" % value(text))


def _draft(box: Box) -> None:
    (box.path / "journal.new").write_bytes(b"minimq jour")


def _everything(box: Box) -> None:
    for hurt in (_middle, _closed_was_left_torn, _torn, _index_is_cut, _meta_is_damaged, _draft, _nothing_but_torn):
        hurt(box)
    _flip(box.directory(OTHER) / "@mark", 1)


HURTS: dict[Hurt, list[str]] = {
    _torn: ["cut"],
    _torn_behind_a_segment_with_no_index: ["cut", "index"],
    _nothing_but_torn: ["cut", "mark"],
    _truncated: ["begin", "mark"],
    _truncated_and_unindexed: ["begin", "mark", "index"],
    _pushed_in: ["begin", "mark", "index"],
    _pushed_in_and_torn: ["begin", "cut", "mark", "index"],
    _pushed_in_far_and_last_frame_lost: ["begin", "mark", "index"],
    _frame_out_of_reach: ["cut"],
    _middle: [],
    _middle_of_the_last: [],
    _last_frame_and_torn: ["cut"],
    _closed_is_missing: [],
    _active_is_missing: ["begin", "mark"],
    _all_are_missing: ["begin", "mark"],
    _closed_was_left_torn: ["cut"],
    _mark_is_flipped: ["mark"],
    _mark_is_flipped_and_the_log_torn: ["cut", "mark"],
    _mark_is_blank: ["mark"],
    _mark_is_empty: ["mark"],
    _mark_is_long: ["mark"],
    _mark_of_another_topic: ["mark"],
    _mark_of_no_log: ["mark"],
    _mark_is_damaged_and_its_segment_missing: ["mark"],
    _index_is_missing: ["index"],
    _index_is_cut: ["index"],
    _index_is_flipped: ["index"],
    _index_of_another_time: ["index", "index", "index"],
    _meta_is_missing: ["meta"],
    _meta_is_damaged: ["meta"],
    _meta_is_older: ["meta"],
    _draft: ["draft"],
    _everything: ["mark", "cut", "cut", "index", "cut", "mark", "meta", "draft"],
}
