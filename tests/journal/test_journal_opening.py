"""Opening: one owner, growing epochs, directories that are not ours or are newer than we are."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from google_crc32c import value
from journal_kit import SECOND, SMALL, TOPIC, Box, drop, fill, put, read_all, tree

from mq.errors import JournalError, Locked, MqError, Rewound
from mq.journal.file_journal import FileJournal


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    box = Box(tmp_path / "data")
    yield box
    box.kill()


# --- one owner ----------------------------------------------------------------------------------------------------


def test_a_second_journal_on_the_directory_is_refused_and_touches_nothing(box: Box) -> None:
    put(box.open(), b"x")
    before = tree(box.path)
    with pytest.raises(Locked, match="in use by another broker"):
        FileJournal(box.data, SMALL)
    assert tree(box.path) == before


OPEN_ONCE = """
import sys
from mq.config import Config
from mq.errors import Locked
from mq.journal.file_journal import FileJournal
try:
    FileJournal(sys.argv[1], Config()).close()
except Locked as error:
    print(error.owner)
"""


def _open_in_another_process(data: str) -> str:
    program = [sys.executable, "-c", OPEN_ONCE, data]
    return subprocess.run(program, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]).stdout


def test_a_second_process_is_refused_until_the_first_is_gone(box: Box) -> None:
    put(box.open(), b"x")
    assert _open_in_another_process(box.data).startswith("process ")
    box.kill()
    assert _open_in_another_process(box.data) == ""


def test_a_journal_that_could_not_be_opened_lets_go_of_the_lock(box: Box) -> None:
    box.clock.now = 2**33 * SECOND
    with pytest.raises(JournalError, match="clock"):
        box.open()
    box.clock.now = 2**30 * SECOND
    box.open()


def test_a_lock_that_cannot_be_asked_for_is_not_called_taken(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(descriptor: int, how: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", fail)
    with pytest.raises(JournalError, match=os.strerror(errno.ENOLCK)) as caught:
        box.open()
    assert not isinstance(caught.value, Locked)


def test_a_directory_that_another_start_makes_at_the_same_moment_is_no_error(box: Box) -> None:
    make = box.files.make_directory

    def make_twice(path: str) -> None:
        make(path)
        make(path)

    box.files.make_directory = make_twice  # type: ignore[method-assign]  # it acts as two
    assert put(box.open(), b"x").offset == 0


# --- epochs -------------------------------------------------------------------------------------------------------


def test_an_epoch_is_the_time_or_one_more_than_the_last(box: Box) -> None:
    now = box.clock.now // SECOND
    assert box.open().epoch == now
    assert box.open().epoch == now + 1
    box.clock.now += 3600 * SECOND
    assert box.open().epoch == now + 3600


@pytest.mark.parametrize("wiped", ["all of it", "what is in it"])
def test_a_journal_begun_where_one_was_just_wiped_has_another_epoch(tmp_path: Path, wiped: str) -> None:
    """By the real clock, and within a second: positions in the old one must not fit the new one."""
    data = tmp_path / "data"
    for _ in range(2):
        old = FileJournal(str(data), SMALL)
        put(old, b"old")
        drop(old)
        for path in [data] if wiped == "all of it" else list(data.iterdir()):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        new = FileJournal(str(data), SMALL)
        put(new, b"new")
        with pytest.raises(Rewound):
            new.read(TOPIC, 1, old.epoch, 1)
        drop(new)
        shutil.rmtree(data)


@pytest.mark.parametrize("meta", ["kept", "missing", "empty", "flipped", "garbage"])
@pytest.mark.parametrize("clock", [0, -86_400, -(10**9)])
def test_epochs_grow_whatever_happens_to_clock_and_meta(box: Box, meta: str, clock: int) -> None:
    journal = box.open()
    put(journal, b"x")
    seen = [journal.epoch]
    for _ in range(3):
        box.kill()
        box.clock.now += clock * SECOND
        _wound(box.path / "journal", meta)
        journal = box.open()
        put(journal, b"x")
        seen.append(journal.epoch)
    assert seen == sorted(set(seen))
    assert len(read_all(journal).records) == 4


def _wound(path: Path, how: str) -> None:
    data = path.read_bytes()
    if how == "missing":
        path.unlink()
    elif how != "kept":
        path.write_bytes({"empty": b"", "flipped": data.replace(b"epoch 1", b"epoch 0"), "garbage": b"\0" * 512}[how])


def test_every_flipped_bit_of_meta_still_opens(box: Box) -> None:
    put(box.open(), b"x")
    meta = box.path / "journal"
    for bit in range(len(meta.read_bytes()) * 8):
        box.kill()
        data = bytearray(meta.read_bytes())
        data[bit // 8] ^= 1 << bit % 8
        meta.write_bytes(data)
        journal = box.open()
        assert put(journal, b"y").offset == bit + 1
    epochs = [journal.read(TOPIC, offset, None, 1).epoch for offset in range(bit + 2)]
    assert epochs == sorted(set(epochs))


# --- not ours -----------------------------------------------------------------------------------------------------


def test_a_newer_format_is_refused_untouched(box: Box) -> None:
    put(box.open(), b"x")
    box.kill()
    text = b"minimq journal 2\nsomething new 5\nepoch 1764000000\n"
    (box.path / "journal").write_bytes(text + b"crc %08x\n" % value(text))
    before = tree(box.path)
    with pytest.raises(JournalError, match="newer MiniMQ"):
        box.open()
    assert tree(box.path) == before


def test_a_directory_of_somebody_else_is_refused_untouched(box: Box) -> None:
    box.path.mkdir()
    (box.path / "thesis.tex").write_text("42")
    with pytest.raises(JournalError, match=r"not a MiniMQ data directory.*thesis\.tex"):
        box.open()
    assert [each.name for each in box.path.iterdir()] == ["thesis.tex"]


def test_a_file_called_journal_does_not_make_a_directory_ours(box: Box) -> None:
    box.path.mkdir()
    (box.path / "journal").write_text("Dear diary")
    (box.path / "photo.jpg").write_text("")
    with pytest.raises(JournalError, match="not a MiniMQ data directory"):
        box.open()
    assert sorted(each.name for each in box.path.iterdir()) == ["journal", "photo.jpg"]


def test_an_empty_directory_and_the_root_of_a_fresh_file_system_will_do(box: Box) -> None:
    (box.path / "lost+found").mkdir(parents=True)
    put(box.open(), b"x")


def test_a_path_that_is_a_file_is_a_clear_error(box: Box) -> None:
    box.path.write_text("")
    with pytest.raises(MqError, match="--data"):
        box.open()


def test_segments_are_evidence_enough_where_the_file_of_the_directory_is_lost_and_strangers_are_about(
    box: Box,
) -> None:
    put(box.open(), b"x")
    (box.path / "journal").write_bytes(bytes(60))
    (box.path / ".DS_Store").touch()
    assert list(read_all(box.open()).records) == [0]


def test_strangers_among_the_topics_are_left_alone(box: Box) -> None:
    put(box.open(), b"x")
    box.kill()
    (box.directory() / "not a topic").mkdir()
    (box.directory() / "notes.txt").write_text("mine")
    (box.directory() / "@note").write_text("mine")
    assert read_all(box.open()).records == {0: b"x"}
    assert sorted(each.name for each in box.directory().iterdir() if each.name[0] != "@") == [
        "not a topic",
        "notes.txt",
    ]
    assert (box.directory() / "@note").read_text() == "mine"


def test_a_topic_that_never_got_its_first_frame_is_no_topic(box: Box) -> None:
    journal = box.open()
    fill(journal, 1)
    box.kill()
    (box.path / "topics" / "half").mkdir()
    (box.path / "topics" / "half" / f"@{0:020}.log").touch()
    journal = box.open()
    assert list(journal._catalog._logs) == [TOPIC]
    assert put(journal, b"x", topic="half").offset == 0
