"""A rest in which nothing counts, but which is not just torn: it is never cut, and no offset in it is used again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from journal_kit import ALL, TOPIC, Box, checked, fill, numbered, put, read_all

from mq.errors import JournalError, Locked
from mq.journal.file_journal import FileJournal
from mq.journal.lock import is_held
from mq.journal.verify import verify

TAILS = [b"\0\1\2", bytes(range(1, 101)), b"rubbish" * 40]


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    box = Box(tmp_path / "data")
    yield box
    box.kill()


@pytest.mark.parametrize("count", [3, 4, 5, 6, 8])
@pytest.mark.parametrize("wound", [10, 66, 170])
@pytest.mark.parametrize("tail", TAILS, ids=len)
def test_durable_records_between_a_wound_and_a_torn_tail_are_not_cut(
    box: Box, count: int, wound: int, tail: bytes
) -> None:
    """They are served, or a gap; and what is appended then is behind them."""
    journal = box.open()
    frames = fill(journal, count)
    journal.sync()
    box.kill()
    (log,) = box.segments()
    start, data = len(frames[0]), log.read_bytes()
    log.write_bytes(data[:start] + bytes(wound) + data[start + wound :] + tail)
    assert not verify(box.data).whole
    journal = box.open()
    assert box.log().startswith(log.read_bytes()[: len(data)])
    assert put(journal, b"new").offset == count
    seen = read_all(journal)
    assert seen.records[0] == numbered(0)
    assert {at: body for at, body in seen.records.items() if at < count}.items() <= {
        at: numbered(at) for at in range(count)
    }.items()
    assert seen.lost | seen.records.keys() == set(range(count + 1))
    journal = box.open()
    assert put(journal, b"newer").offset == count + 1
    assert read_all(journal).records[count] == b"new"


def test_another_topics_log_is_not_cut_and_takes_nothing(box: Box) -> None:
    """As after a directory was renamed: it can be put back."""
    journal = box.open()
    fill(journal, 20)
    journal.checkpoint()
    box.kill()
    whole = box.log()
    box.directory().rename(box.directory("host/n1/other"))
    assert not verify(box.data).whole
    journal = box.open()
    (run,) = journal.append([checked("host/n1/other", b"x")])
    assert run.error is not None
    assert "another topic" in run.error.why
    assert box.log("host/n1/other") == whole
    assert not box.quarantine()
    box.kill()
    box.directory("host/n1/other").rename(box.directory())
    assert len(read_all(box.open()).records) == 20


def test_a_link_below_the_topics_is_left_alone(box: Box) -> None:
    journal = box.open()
    fill(journal, 20)
    journal.checkpoint()
    box.kill()
    (box.path / "topics" / "alias").symlink_to(box.directory())
    journal = box.open()
    assert [info.topic for info in journal.topics(ALL, None, 9)[0]] == [TOPIC]
    assert len(read_all(journal).records) == 20


@pytest.mark.parametrize("base", [2**64 - 1, 10**20 - 1])
def test_a_name_that_no_segment_can_have_is_none_of_ours(box: Box, base: int) -> None:
    journal = box.open()
    fill(journal, 2)
    journal.checkpoint()
    box.kill()
    (box.directory() / f"@{base:020}.log").touch()
    journal = box.open()
    assert put(journal, b"x").offset == 2
    journal.checkpoint()
    assert list(read_all(journal).records) == [0, 1, 2]


def test_a_pipe_in_the_place_of_a_mark_is_not_waited_for(box: Box) -> None:
    fill(box.open(), 2)
    box.kill()
    os.mkfifo(box.directory() / "@mark")
    with pytest.raises(JournalError):
        box.open()


def test_a_pipe_in_the_place_of_a_log_is_not_waited_for(box: Box) -> None:
    journal = box.open()
    put(journal, b"y", topic="other")
    box.directory().mkdir(parents=True)
    os.mkfifo(box.directory() / f"@{0:020}.log")
    journal = box.open()
    (run,) = journal.append([checked(TOPIC, b"x")])
    assert run.error is not None
    assert put(journal, b"z", topic="other").offset == 1


# --- who owns it, and what is taken away --------------------------------------------------------------------------


def test_who_deletes_the_lock_does_not_become_a_second_owner(box: Box) -> None:
    put(box.open(), b"x")
    (box.path / "lock").unlink()
    assert is_held(box.data)
    with pytest.raises(Locked):
        FileJournal(box.data, box.config)


def test_a_topic_whose_end_is_not_known_cannot_be_deleted(box: Box) -> None:
    journal = box.open()
    fill(journal, 5)
    put(journal, b"y", topic="other")
    (log,) = (log for log in journal._catalog.all() if log.topic == TOPIC)
    log.broken = "the disk does not give it"
    with pytest.raises(JournalError, match="where host/n1/cpu ends is not known"):
        journal.delete(["other", TOPIC])
    assert len(journal.topics(ALL, None, 9)[0]) == 2


def test_a_topic_whose_directory_was_deleted_takes_nothing_more(box: Box) -> None:
    journal = box.open()
    fill(journal, 5)
    put(journal, b"y", topic="other")
    shutil.rmtree(box.directory())
    put(journal, b"nobody has noticed yet")
    journal.checkpoint()
    (run,) = journal.append([checked(TOPIC, b"x")])
    assert run.error is not None
    assert "has been deleted" in run.error.why
    assert put(journal, b"z", topic="other").offset == 1


def test_deletions_that_have_but_begun_are_not_forgotten_for_room(box: Box) -> None:
    journal = box.open()
    for topic in ("a", "b", "c"):
        fill(journal, 3, topic)
    before = {topic: box.segments(topic)[0].read_bytes() for topic in ("a", "b", "c")}
    journal.delete(["a", "b", "c"])
    box.kill()
    for topic, data in before.items():
        box.directory(topic).mkdir()
        (box.directory(topic) / f"@{0:020}.log").write_bytes(data)
    journal = box.open(replace(box.config, deleted_topics_max=1))
    assert journal.topics(ALL, None, 9)[0] == []
