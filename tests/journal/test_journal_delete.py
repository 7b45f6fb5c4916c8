"""Deleting topics: all of one goes, none of its offsets comes back, and whoever had a position in it is told."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from journal_faults import FaultyFiles
from journal_kit import ALL, SECOND, SMALL, TOPIC, Box, fill, put, read_all, tree

from mq.errors import AppendFailed, JournalError, Rewound, Trimmed
from mq.journal import tidying
from mq.journal.file_journal import FileJournal
from mq.journal.interface import Head
from mq.journal.tombstones import Tombstones
from mq.journal.verify import verify


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    box = Box(tmp_path / "data", files=FaultyFiles())
    yield box
    box.kill()


def topics(journal: FileJournal) -> list[str]:
    return [info.topic for info in journal.topics(ALL, None, 999)[0]]


def faulty(box: Box) -> FaultyFiles:
    assert isinstance(box.files, FaultyFiles)
    return box.files


def test_a_deleted_topic_is_gone_with_its_files_and_its_empty_directories(box: Box) -> None:
    journal = box.open()
    fill(journal, 100)
    put(journal, b"x", topic="host/n2/cpu")
    assert journal.delete([TOPIC, "nobody"]) == [Head(TOPIC, 100, journal.epoch)]
    assert topics(journal) == ["host/n2/cpu"]
    assert journal.last(ALL, None, 1 << 20)[0].startswith(b"host/n2/cpu\0")
    assert [head.topic for head in journal.heads(ALL, 0, None, 99)[0]] == ["host/n2/cpu"]
    assert not (box.path / "topics/host/n1").exists()
    assert verify(box.data).findings == []
    assert journal.delete([TOPIC]) == []


def test_topics_below_a_deleted_one_stay(box: Box) -> None:
    journal = box.open()
    put(journal, b"above", topic="a")
    put(journal, b"below", topic="a/b")
    journal.delete(["a"])
    assert topics(journal) == ["a/b"]
    journal = box.open()
    assert topics(journal) == ["a/b"]
    journal.delete(["a/b"])
    assert list((box.path / "topics").iterdir()) == []


@pytest.mark.parametrize("restart", ["not restarted", "killed", "closed", "killed before it began anew"])
def test_a_topic_that_begins_anew_goes_on_where_the_deleted_one_ended(box: Box, restart: str) -> None:
    journal = box.open()
    fill(journal, 100)
    old = journal.epoch
    journal.delete([TOPIC])
    if restart == "killed before it began anew":
        journal = box.open()
    assert journal.read(TOPIC, 100, old, 1) == (b"", 100, old, 100, None)
    with pytest.raises(Rewound):
        journal.read(TOPIC, 101, None, 1)
    assert put(journal, b"new").offset == 100
    if restart == "closed":
        journal.close()
        box.opened.clear()
    if restart in ("killed", "closed"):
        journal = box.open()
    seen = read_all(journal, TOPIC, 100)
    assert (seen.records, seen.gaps) == ({100: b"new"}, [])
    assert journal.read(TOPIC, 100, old, 1).next == 101
    for offset in (0, 99):
        with pytest.raises(Trimmed) as caught:
            journal.read(TOPIC, offset, old, 1)
        assert caught.value.first_kept == 100
    assert put(journal, b"newer").offset == 101
    assert verify(box.data).findings == []


def test_times_do_not_fall_either(box: Box) -> None:
    journal = box.open()
    put(journal, b"x")
    now = box.clock.now
    journal.delete([TOPIC])
    box.clock.now -= 5 * SECOND
    put(journal, b"y")
    assert journal.topics(ALL, None, 9)[0][0].appended == now
    assert journal.offset_at(TOPIC, 0) == 1
    journal.delete([TOPIC])
    assert journal.offset_at(TOPIC, 0) == 2


def test_one_can_be_deleted_again_and_again(box: Box) -> None:
    journal = box.open()
    for number in range(5):
        assert put(journal, b"x").offset == number
        journal.delete([TOPIC])
        if number % 2:
            journal.checkpoint()
    assert put(box.open(), b"x").offset == 5


def test_one_that_has_no_record_yet_when_the_broker_dies_is_followed_all_the_same(box: Box) -> None:
    journal = box.open()
    fill(journal, 10)
    old = journal.epoch
    journal.delete([TOPIC])
    journal.checkpoint()
    put(journal, b"lost with the power")
    box.kill()
    box.segments()[0].write_bytes(b"")
    journal = box.open()
    assert journal.read(TOPIC, 10, old, 1).next == 10
    assert put(journal, b"new").offset == 10


def test_a_reader_in_the_middle_is_told(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = box.open()
    fill(journal, 100)
    open_file = box.files.open

    def delete_before(path: str, flags: int) -> int:
        if path == str(box.directory() / f"@{0:020}.log") and TOPIC in topics(journal):
            journal.delete([TOPIC])
        return open_file(path, flags)

    monkeypatch.setattr(box.files, "open", delete_before)
    with pytest.raises(Trimmed) as caught:
        journal.read(TOPIC, 0, None, 1)
    assert caught.value.first_kept == 100


# --- cut short ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kept", ["all", "the last segment", "the mark", "the first index", "nothing"])
@pytest.mark.parametrize("anew", [False, True])
def test_a_deletion_that_was_cut_short_is_finished_by_the_next_opening(box: Box, kept: str, anew: bool) -> None:
    journal = box.open()
    fill(journal, 100)
    journal.checkpoint()
    before = tree(box.directory())
    journal.delete([TOPIC])
    if anew:
        put(journal, b"anew")
    box.kill()
    names = sorted(before)
    stay = {"all": names, "the last segment": names[-2:-1], "the mark": ["@mark"], "the first index": names[:1]}
    for name in stay.get(kept, []):
        box.directory().mkdir(parents=True, exist_ok=True)
        (box.directory() / name).write_bytes(before[name][0])
    report = verify(box.data)
    assert report.findings == []
    assert report.records == int(anew)
    journal = box.open()
    assert topics(journal) == [TOPIC] * anew
    assert read_all(journal, TOPIC, 100).records == ({100: b"anew"} if anew else {})
    assert put(journal, b"next").offset == 100 + anew
    journal.checkpoint()
    assert all(int(path.name[1:21]) >= 100 for path in box.segments())
    assert verify(box.data).findings == []


def test_an_empty_log_that_was_being_deleted_does_not_come_back(box: Box) -> None:
    journal = box.open()
    fill(journal, 3)
    journal.checkpoint()
    (log,) = journal._catalog.all()
    journal._upkeep.roll(log)
    journal.trim(TOPIC, 3)
    journal.checkpoint()
    before = tree(box.directory())
    journal.delete([TOPIC])
    box.kill()
    box.directory().mkdir(parents=True)
    for name, (data, _) in before.items():
        (box.directory() / name).write_bytes(data)
    journal = box.open()
    assert topics(journal) == []
    assert put(journal, b"x").offset == 3


def test_what_was_restored_from_a_copy_after_its_deletion_is_not_deleted_again(box: Box) -> None:
    journal = box.open()
    fill(journal, 10)
    journal.checkpoint()
    before = tree(box.directory())
    journal.delete([TOPIC])
    journal.checkpoint()
    box.kill()
    box.directory().mkdir(parents=True)
    for name, (data, _) in before.items():
        (box.directory() / name).write_bytes(data)
    assert len(read_all(box.open()).records) == 10


# --- what fails ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_what_cannot_be_written_down_is_not_deleted(box: Box, number: int) -> None:
    journal = box.open()
    fill(journal, 100)
    fault = faulty(box).add("write_at", "/deleted", number, taken=20)
    with pytest.raises(OSError):  # noqa: PT011 - one of several
        journal.delete([TOPIC])
    assert len(read_all(journal).records) == 100
    assert put(journal, b"x").offset == 100
    faulty(box).faults.remove(fault)
    assert journal.delete([TOPIC])[0].next == 101
    assert put(box.open(), b"x").offset == 101


@pytest.mark.parametrize("operation", ["sync", "sync_directory"])
def test_a_sync_that_fails_deletes_nothing_and_ends_appending(box: Box, operation: str) -> None:
    journal = box.open()
    fill(journal, 100)
    journal.sync()
    faulty(box).add(operation, "/deleted" if operation == "sync" else box.data, errno.EIO)
    with pytest.raises(JournalError):
        journal.delete([TOPIC])
    assert len(read_all(journal).records) == 100
    with pytest.raises(AssertionError, match="journal_failed"):
        put(journal, b"x")
    with pytest.raises(JournalError):
        journal.delete([TOPIC])


def test_files_that_cannot_be_deleted_go_with_the_next_start(box: Box) -> None:
    journal = box.open()
    fill(journal, 100)
    fault = faulty(box).add("remove", ".log", errno.EACCES)
    assert journal.delete([TOPIC])[0].next == 100
    assert topics(journal) == []
    assert box.segments()
    journal.checkpoint()
    faulty(box).faults.remove(fault)
    journal = box.open()
    assert topics(journal) == []
    assert not box.directory().exists()


def test_a_damaged_line_costs_only_its_own_topic_and_that_begins_in_a_later_epoch(box: Box) -> None:
    journal = box.open()
    for topic in ("a", "b", "c"):
        fill(journal, 5, topic)
    old = journal.epoch
    journal.delete(["a", "b", "c"])
    box.kill()
    path = box.path / "deleted"
    lines = path.read_bytes().split(b"\n\n")
    path.write_bytes(b"\n\n".join([lines[0], lines[1].replace(b" 5 ", b" 4 "), lines[2][:-3]]))
    damage = verify(box.data).findings
    assert [(found.kind, found.path, found.start) for found in damage] == [
        ("damage", str(path), len(lines[0]) + 2),
        ("damage", str(path), len(lines[0] + lines[1]) + 4),
    ]
    journal = box.open()
    assert put(journal, b"x", topic="a").offset == 5
    assert put(journal, b"x", topic="b").offset == 0
    with pytest.raises(Rewound):
        journal.read("b", 1, old, 1)
    assert put(journal, b"x", topic="c").offset == 0
    journal.delete(["a"])
    assert put(box.open(), b"x", topic="a").offset == 6
    assert lines[1].replace(b" 5 ", b" 4 ") in path.read_bytes()


def test_no_single_flip_in_the_file_costs_an_end(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither as it was written nor when it has been written anew."""
    monkeypatch.setattr("mq.journal.tombstones.SUPERSEDED_MAX", 0)
    journal = box.open()
    for topic, count in (("a", 3), ("b", 5)):
        fill(journal, count, topic)
    journal.delete(["a", "b"])
    journal.checkpoint()
    path = box.path / "deleted"
    once = path.read_bytes()
    for _ in range(5):
        put(journal, b"x", topic="c")
        journal.delete(["c"])
        journal.checkpoint()
    assert path.read_bytes().count(b"c ") == 2
    for whole, wanted in ((once, {"a": 3, "b": 5}), (path.read_bytes(), {"a": 3, "b": 5, "c": 5})):
        for bit in range(0, 8 * len(whole), 7):
            wounded = bytearray(whole)
            wounded[bit // 8] ^= 1 << bit % 8
            path.write_bytes(wounded)
            stones = Tombstones(box.files, box.data, 9)
            found = {topic: stone.next for topic in wanted if (stone := stones.get(topic)) is not None}
            assert found == wanted, f"bit {bit}"


# --- bounds -------------------------------------------------------------------------------------------------------


def test_of_those_of_earlier_epochs_the_oldest_make_room_and_none_of_this_one(box: Box) -> None:
    few = replace(SMALL, deleted_topics_max=3)
    journal = box.open(few)
    for topic in ("a", "b", "c"):
        put(journal, b"x", topic=topic)
    journal.delete(["a", "b", "c"])
    journal.checkpoint()
    put(journal, b"x", topic="d")
    with pytest.raises(JournalError, match="deleted_topics_max"):
        journal.delete(["d"])
    assert topics(journal) == ["d"]
    journal = box.open(few)
    journal.checkpoint()
    assert journal.delete(["d"])
    assert put(journal, b"x", topic="a").offset == 0
    assert put(journal, b"x", topic="b").offset == 1


def test_the_file_is_written_anew_when_most_of_it_is_superseded(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mq.journal.tombstones.SUPERSEDED_MAX", 10)
    journal = box.open()
    sizes = []
    for number in range(30):
        assert put(journal, b"x").offset == number
        journal.delete([TOPIC])
        journal.checkpoint()
        sizes.append((box.path / "deleted").stat().st_size)
    assert max(sizes) < 15 * 70
    assert put(box.open(), b"x").offset == 30


# --- expiry -------------------------------------------------------------------------------------------------------


def test_a_topic_that_holds_nothing_expires_when_nobody_has_written_to_it_for_long(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tidying, "ROUND_PAUSE_STEPS", 1)
    limits = replace(SMALL, segment_age_s=10, topic_age_s=100, topic_expiry_s=1000)
    journal = box.open(limits)
    monkeypatch.setattr(journal._tidying._clock, "now", lambda: box.clock.now)
    put(journal, b"x")
    put(journal, b"x", topic="busy")
    seen = []
    for _ in range(13):
        box.clock.now += 100 * SECOND
        put(journal, b"x", topic="busy")
        for _ in range(2):
            journal.checkpoint()
            journal.tidy()
        seen.append(TOPIC in topics(journal))
    assert seen == [True] * 9 + [False] * 4 or seen == [True] * 10 + [False] * 3
    assert "busy" in topics(journal)
    assert put(journal, b"x").offset == 1


def test_a_topic_that_holds_records_does_not_expire(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tidying, "ROUND_PAUSE_STEPS", 1)
    journal = box.open(replace(SMALL, topic_age_s=1e9, topic_expiry_s=1))
    monkeypatch.setattr(journal._tidying._clock, "now", lambda: box.clock.now)
    put(journal, b"x")
    box.clock.now += 10_000_000 * SECOND
    for _ in range(5):
        journal.checkpoint()
        journal.tidy()
    assert list(read_all(journal).records) == [0]


def test_an_append_to_a_log_that_was_deleted_meanwhile_is_refused(box: Box) -> None:
    journal = box.open()
    put(journal, b"x")
    (log,) = journal._catalog.all()
    journal.delete([TOPIC])
    with pytest.raises(AppendFailed, match="deleted"):
        log.append([], 0, 1)
