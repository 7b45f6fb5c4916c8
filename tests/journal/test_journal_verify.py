"""Verify: whole, torn or damaged, and where; nothing changed; no lock needed."""

from __future__ import annotations

import errno
import os
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from google_crc32c import value
from journal_faults import FaultyFiles
from journal_kit import SMALL, TOPIC, Box, checked, fill, put, tree

from mq.errors import JournalError
from mq.journal.verify import Finding, Report, verify


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    """Make a log of 60 records in three segments, closed in order."""
    box = Box(tmp_path / "data")
    journal = box.open()
    fill(journal, 60)
    put(journal, b"x", b"y", topic="a")
    journal.close()
    box.opened.clear()
    yield box
    box.kill()


def only(report: Report) -> Finding:
    (finding,) = report.findings
    return finding


def test_a_whole_journal_is_whole_and_counted(box: Box) -> None:
    before = tree(box.path)
    report = verify(box.data)
    assert report.whole
    assert (report.findings, report.notes, report.busy) == ([], [], False)
    assert (report.topics, report.segments, report.frames, report.records) == (2, 4, 61, 62)
    assert report.bytes == len(box.log()) + len(box.log("a"))
    assert report.epoch is not None
    assert tree(box.path) == before


def test_progress_ends_at_all_the_bytes(box: Box) -> None:
    seen: list[tuple[int, int]] = []
    report = verify(box.data, progress=lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen)
    assert seen[-1] == (report.bytes, report.bytes)


def test_an_empty_journal_is_whole(tmp_path: Path) -> None:
    box = Box(tmp_path / "data")
    box.open().close()
    box.opened.clear()
    report = verify(box.data)
    assert report.whole
    assert (report.topics, report.bytes) == (0, 0)


def test_a_torn_tail_is_named_and_whole(box: Box) -> None:
    last = box.segments()[-1]
    size = last.stat().st_size
    with last.open("ab") as file:
        file.write(b"torn")
    report = verify(box.data)
    assert report.whole
    finding = only(report)
    assert finding[:6] == ("torn", str(last), size, size + 4, 60, None)
    journal = box.open()
    journal.close()
    box.opened.clear()
    report = verify(box.data)
    assert report.findings == []
    assert "1 copy of what was cut off from torn logs, 4 bytes" in report.notes[0].why


def test_a_flipped_bit_is_named_with_bytes_and_offsets(box: Box) -> None:
    path = box.segments()[1]
    data = bytearray(path.read_bytes())
    frame = len(data) // 24
    data[5 * frame + 90] ^= 1
    path.write_bytes(data)
    report = verify(box.data)
    assert not report.whole
    assert only(report)[:6] == ("damage", str(path), 5 * frame, 6 * frame, 29, 30)
    assert report.records == 61


def test_a_shortened_active_segment_is_named_with_what_had_been_synced(box: Box) -> None:
    last = box.segments()[-1]
    size = last.stat().st_size
    frame = size // 12
    for cut, start, first in ((size - 5, size - frame, 59), (size - frame, size - frame, 59), (0, 0, 48)):
        os.truncate(last, cut)
        finding = only(verify(box.data))
        assert finding[:6] == ("damage", str(last), start, size, first, 60)
        assert f"ends at byte {cut}" in finding.why


@pytest.mark.parametrize("left", [0, 40])
def test_a_synced_record_that_is_gone_is_damage_however_long_the_file_is(box: Box, left: int) -> None:
    """Bytes pushed in before it make up for its own: it is not taken for a torn write."""
    last = box.segments()[-1]
    data = last.read_bytes()
    frame = len(data) // 12
    last.write_bytes(bytes(2 * frame) + data[: len(data) - frame + left])
    findings = [finding for finding in verify(box.data).findings if finding.path == str(last)]
    assert {finding.kind for finding in findings} == {"damage"}
    assert findings[-1][2:6] == (len(data) + frame, len(data) + frame + left, 59, 60)


def test_after_recovery_the_fence_is_still_damage_at_that_place(box: Box) -> None:
    last = box.segments()[-1]
    size = last.stat().st_size
    os.truncate(last, size - 5)
    for _ in range(2):
        journal = box.open()
        put(journal, b"more")
        journal.close()
        box.opened.clear()
        finding = only(verify(box.data))
        assert finding[:6] == ("damage", str(last), size - size // 12, size - 5, 59, 60)


def test_a_shortened_closed_segment(box: Box) -> None:
    path = box.segments()[1]
    size = path.stat().st_size
    os.truncate(path, size - 5)
    assert only(verify(box.data))[:6] == ("damage", str(path), size - size // 24, size - 5, 47, 48)


def test_a_missing_segment_in_the_middle(box: Box) -> None:
    first, second, _ = box.segments()
    second.unlink()
    size = first.stat().st_size
    assert only(verify(box.data))[:6] == ("damage", str(first), size, size, 24, 48)


@pytest.mark.parametrize("how_many", [1, 3])
def test_a_missing_segment_at_the_end(box: Box, how_many: int) -> None:
    paths = box.segments()[-how_many:]
    size = paths[-1].stat().st_size
    for path in paths:
        path.unlink()
    assert only(verify(box.data))[:6] == ("damage", str(paths[-1]), 0, size, 48, 60)


def test_a_trimmed_beginning_is_no_damage(box: Box) -> None:
    box.segments()[0].unlink()
    assert verify(box.data).whole


def test_swapped_segments(box: Box) -> None:
    first, second, _ = box.segments()
    data = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(data)
    report = verify(box.data)
    assert [(finding.path, finding.start, finding.first, finding.next) for finding in report.findings] == [
        (str(first), 0, 0, 24),
        (str(second), 0, 24, 48),
    ]


def _flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("wound", [Path.unlink, lambda path: os.truncate(path, 33), lambda path: _flip(path, 40)])
def test_an_index_is_a_cache_and_only_noted(box: Box, wound: Callable[[Path], None]) -> None:
    path = box.segments()[0].with_suffix(".index")
    wound(path)
    report = verify(box.data)
    assert report.whole
    assert report.findings == []
    assert {note.path for note in report.notes} == {str(path)}


def test_the_index_of_another_time_is_noted(box: Box) -> None:
    saved = box.segments()[-1].with_suffix(".index").read_bytes()
    assert saved
    other = Box(box.path.with_name("other"), box.config)
    other.clock.now += 5
    journal = other.open()
    fill(journal, 60)
    journal.close()
    other.opened.clear()
    other.segments()[-1].with_suffix(".index").write_bytes(saved)
    (note,) = verify(other.data).notes
    assert "not what the log says" in note.why


def test_a_damaged_mark_is_damage_and_a_blank_one_a_note(box: Box) -> None:
    path = box.directory() / "@mark"
    _flip(path, 9)
    assert only(verify(box.data))[:4] == ("damage", str(path), 0, 48)
    for blank in (b"", bytes(48)):
        path.write_bytes(blank)
        report = verify(box.data)
        assert report.whole
        assert report.notes[0].path == str(path)


def test_a_mark_that_is_not_what_the_log_says(box: Box) -> None:
    path = box.directory() / "@mark"
    other = Box(box.path.with_name("other"), box.config)
    journal = other.open()
    fill(journal, 57)
    fill(journal, 3, size=101)
    journal.checkpoint()
    shutil.copyfile(other.directory() / "@mark", path)
    other.kill()
    report = verify(box.data)
    assert not report.whole
    assert {finding.path for finding in report.findings} <= {str(path), str(box.segments()[-1])}


@pytest.mark.parametrize("meta", [None, b"", b"minimq journal 1\nepoch 17\ncrc 00000000\n"])
def test_a_damaged_meta_file(box: Box, meta: bytes | None) -> None:
    path = box.path / "journal"
    path.unlink()
    if meta is not None:
        path.write_bytes(meta)
    report = verify(box.data)
    assert only(report)[:4] == ("damage", str(path), 0, len(meta or b""))
    assert report.epoch is None


def test_frames_of_a_later_epoch_than_the_last(box: Box) -> None:
    text = b"minimq journal 1\nepoch 17\n"
    (box.path / "journal").write_bytes(text + b"crc %08x\n" % value(text))
    assert "epoch" in only(verify(box.data)).why


def test_every_flipped_bit_is_found(box: Box) -> None:
    """Wherever one bit is not what it was, in a log, a mark or meta, somebody is told."""
    paths = [*box.segments(), box.directory() / "@mark", box.path / "journal"]
    chance = random.Random(3)  # noqa: S311 - the same test each time
    for path in paths:
        data = path.read_bytes()
        for _ in range(40):
            at, bit = chance.randrange(len(data)), chance.randrange(8)
            path.write_bytes(data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :])
            assert not verify(box.data).whole
        path.write_bytes(data)
    assert verify(box.data).whole


# --- beside a broker ----------------------------------------------------------------------------------------------


def test_it_works_beside_a_journal_that_is_open_and_says_so(box: Box) -> None:
    journal = box.open()
    fill(journal, 30)
    report = verify(box.data)
    assert report.whole
    assert report.busy
    assert report.findings == []
    assert "a broker is at work" in report.notes[0].why
    assert put(journal, b"on").offset == 90


def test_what_is_appended_while_it_looks_is_neither_torn_nor_damage(box: Box) -> None:
    journal = box.open()

    class Meanwhile(FaultyFiles):
        def size(self, path: str) -> int:
            put(journal, b"meanwhile" * 20)
            put(journal, b"meanwhile", topic="b")
            journal.checkpoint()
            return super().size(path)

    report = verify(box.data, Meanwhile())
    assert (report.findings, report.busy) == ([], True)


def test_what_is_trimmed_or_deleted_while_it_looks_is_neither_missing_nor_damage(box: Box) -> None:
    first = box.segments()[0]

    class Meanwhile(FaultyFiles):
        def open(self, path: str, flags: int) -> int:
            if path == str(first):
                first.unlink()
            return super().open(path, flags)

        def size(self, path: str) -> int:
            if path.endswith(f"a/@{0:020}.log") and ("size", path) in self.done:
                shutil.rmtree(box.directory("a"))
            return super().size(path)

    report = verify(box.data, Meanwhile())
    assert report.findings == []
    assert (report.topics, report.segments) == (1, 2)


def test_a_topic_deleted_while_it_looks_whose_directory_holds_others_is_not_missing(box: Box) -> None:
    put(box.open(), b"x", topic="a/below")
    box.kill()

    class Meanwhile(FaultyFiles):
        def names(self, path: str) -> list[str]:
            if path == str(box.directory("a")) and ("open", f"{path}/@mark") in self.done:
                for each in box.directory("a").glob("@*"):
                    each.unlink()
            return super().names(path)

    report = verify(box.data, Meanwhile())
    assert (report.findings, report.topics) == ([], 2)


def test_progress_is_told_within_a_large_segment(tmp_path: Path) -> None:
    box = Box(tmp_path / "data", replace(SMALL, segment_bytes=1 << 30))
    journal = box.open()
    for number in range(20):
        put(journal, bytes([number]) * 1_000_000)
    journal.close()
    box.opened.clear()
    seen: list[tuple[int, int]] = []
    report = verify(box.data, progress=lambda done, total: seen.append((done, total)))
    assert len({done for done, _ in seen}) == 3
    assert seen == sorted(seen)
    assert seen[-1] == (report.bytes, report.bytes)


def test_a_draft_left_of_a_write_is_noted(box: Box) -> None:
    (box.path / "journal.new").write_bytes(b"minimq jour")
    report = verify(box.data)
    assert report.whole
    assert [note.path for note in report.notes] == [str(box.path / "journal.new")]


# --- could not look -----------------------------------------------------------------------------------------------


def test_no_such_directory_an_empty_one_and_one_of_somebody_else(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="No such file"):
        verify(str(tmp_path / "none"))
    with pytest.raises(JournalError, match="not a MiniMQ data directory"):
        verify(str(tmp_path))
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(JournalError, match="not a MiniMQ data directory"):
        verify(str(tmp_path))
    with pytest.raises(JournalError, match="Not a directory"):
        verify(str(tmp_path / "thesis.tex"))
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_newer_format(box: Box) -> None:
    text = b"minimq journal 2\n"
    (box.path / "journal").write_bytes(text + b"crc %08x\n" % value(text))
    with pytest.raises(JournalError, match="newer"):
        verify(box.data)


@pytest.mark.parametrize("ending", [".log", "@mark", ".index", "/journal"])
def test_a_file_that_cannot_be_read(box: Box, ending: str) -> None:
    files = FaultyFiles()
    files.add("open", ending, errno.EACCES)
    with pytest.raises(JournalError, match=r"cannot be looked at: Permission denied"):
        verify(box.data, files)


def test_a_sector_that_cannot_be_read_is_damage(box: Box) -> None:
    path = str(box.segments()[0])

    class BadSector(FaultyFiles):
        def read_at(self, descriptor: int, size: int, position: int) -> bytes:
            if self.paths[descriptor] == path and position < 4096 and position + size > 4000:
                raise OSError(errno.EIO, "Input/output error")
            return super().read_at(descriptor, size, position)

    assert not verify(box.data, BadSector()).whole


def test_many_topics(tmp_path: Path) -> None:
    box = Box(tmp_path / "data")
    journal = box.open()
    journal.append([checked(f"t/{number}", b"x") for number in range(300)])
    assert put(journal, b"x", topic=TOPIC).offset == 0
    journal.close()
    box.opened.clear()
    assert verify(box.data).topics == 301
