"""Appending: dense offsets, one format, rolls, many topics, few open files, a clock that goes back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st
from journal_kit import SECOND, SMALL, TOPIC, Box, checked, fill, put, read_all, split

from mq.frame import FRAME_BYTES_MAX, HEADER_SIZE, check, encode
from mq.journal.file_journal import FileJournal


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    box = Box(tmp_path / "data")
    yield box
    box.kill()


def test_offsets_are_dense_and_frames_come_back_byte_for_byte(box: Box) -> None:
    journal = box.open()
    stamped = fill(journal, 200)
    seen = read_all(journal)
    assert seen.frames == b"".join(stamped) == box.log()
    assert list(seen.records) == list(range(200))
    assert len(box.segments()) > 3


def test_a_batch_takes_as_many_offsets_as_it_has_records(box: Box) -> None:
    journal = box.open()
    assert put(journal, b"a", b"b", b"c").offset == 0
    assert put(journal, b"d").offset == 3
    run = put(journal, b"e", batch=True)
    assert (run.offset, run.next) == (4, 5)
    assert read_all(journal).records == dict(enumerate([b"a", b"b", b"c", b"d", b"e"]))


def test_one_append_of_many_topics_gives_a_run_for_each_in_order(box: Box) -> None:
    journal = box.open()
    frames = [checked(f"t{number % 3}", str(number).encode()) for number in range(30)]
    runs = journal.append(frames)
    assert [run.topic for run in runs] == [b"t0", b"t1", b"t2"]
    for which, run in enumerate(runs):
        assert (run.offset, run.next, len(run.frames)) == (0, 10, 10)
        assert run.size == sum(map(len, run.frames))
        expected = [str(number).encode() for number in range(which, 30, 3)]
        assert list(read_all(journal, f"t{which}").records.values()) == expected


def test_only_the_brokers_24_bytes_change(box: Box) -> None:
    sent = encode(TOPIC, [b"body"], produced=7, producer=9, sequence=3)
    (run,) = box.open().append([check(sent)])
    kept = run.frames[0]
    stamp_at = len(TOPIC) + 1 + 40
    assert kept[:stamp_at] == sent[:stamp_at]
    assert kept[stamp_at + 24 :] == sent[stamp_at + 24 :]


def test_the_time_of_appending_never_decreases(box: Box) -> None:
    journal = box.open()
    for now in (box.clock.now, box.clock.now - 3600 * SECOND, box.clock.now - SECOND, box.clock.now + SECOND):
        box.clock.now = now
        put(journal, b"x")
        journal = box.open()
        put(journal, b"y")
    times = [frame.header.appended for frame in split(read_all(journal).frames)]
    assert times == sorted(times)
    assert len(set(times)) == 2


def test_offsets_go_on_after_close_and_after_a_kill(box: Box) -> None:
    journal = box.open()
    fill(journal, 50)
    journal.close()
    box.opened.clear()
    assert put(box.open(), b"after close").offset == 50
    assert put(box.open(), b"after kill").offset == 51
    assert len(read_all(box.open()).records) == 52


def test_fewer_open_files_than_topics(box: Box) -> None:
    journal = box.open(replace(SMALL, open_files_max=8))
    for turn in range(5):
        runs = journal.append([checked(f"t/{number}", b"%d" % turn) for number in range(50)])
        assert all(run.offset == turn for run in runs)
    assert len(journal._logs._open._open) == 8
    journal.checkpoint()
    for number in range(50):
        assert list(read_all(journal, f"t/{number}").records.values()) == [b"%d" % turn for turn in range(5)]


def test_a_topic_can_hold_topics(box: Box) -> None:
    journal = box.open()
    for topic in ("a", "a/b", "a/b/c"):
        put(journal, topic.encode(), topic=topic)
    journal = box.open()
    for topic in ("a", "a/b", "a/b/c"):
        assert read_all(journal, topic).records == {0: topic.encode()}


def test_one_topic_too_many_is_refused_and_the_others_go_on(box: Box) -> None:
    journal = box.open(replace(SMALL, topics_max=2))
    runs = journal.append([checked(topic, b"x") for topic in ("a", "b", "c", "a")])
    assert [run.error.reason if run.error else None for run in runs] == [None, None, "too_many_topics"]
    assert not (box.path / "topics" / "c").exists()


def test_the_longest_topic_and_the_largest_frame(box: Box) -> None:
    topic = "/".join(["x" * 49] * 4)
    journal = box.open()
    body = b"x" * (FRAME_BYTES_MAX - len(topic) - 1 - HEADER_SIZE)
    put(journal, body, topic=topic)
    put(journal, b"next", topic=topic)
    assert read_all(box.open(), topic).records == {0: body, 1: b"next"}


def test_a_frame_larger_than_a_segment_has_one_of_its_own(box: Box) -> None:
    journal = box.open()
    for size in (10, 9000, 10, 9000):
        put(journal, b"x" * size)
    assert [path.name for path in box.segments()] == [f"@{base:020}.log" for base in (0, 2)]
    assert [len(record) for record in read_all(box.open()).records.values()] == [10, 9000, 10, 9000]


def test_readers_see_only_whole_appends_while_one_thread_appends(box: Box) -> None:
    journal = box.open(replace(SMALL, segment_bytes=20_000))
    put(journal, b"first")
    done = Event()
    wrong: list[BaseException] = []
    readers = [Thread(target=_read_until, args=(journal, done, wrong)) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(400):
        journal.append([checked(TOPIC, b"%d" % number, b"x" * (number % 90)) for _ in range(5)])
        if number % 50 == 0:
            journal.checkpoint()
    done.set()
    for reader in readers:
        reader.join()
    assert not wrong
    assert len(read_all(journal).records) == 1 + 400 * 10


def _read_until(journal: FileJournal, done: Event, wrong: list[BaseException]) -> None:
    try:
        last = False
        while not last:
            last = done.is_set()
            seen = read_all(journal, start=0, size=50_000)
            assert not seen.gaps
            assert list(seen.records) == list(range(seen.next))
            _read_by_time(journal)
    except BaseException as error:  # noqa: BLE001 - handed to the test, which fails with it
        wrong.append(error)


def _read_by_time(journal: FileJournal) -> None:
    assert journal.offset_at(TOPIC, 0) == 0
    last, _ = journal.last([], None, 1000)
    assert last == b""


SIZES = st.lists(st.integers(0, 600), min_size=1, max_size=5)
TURNS = st.lists(st.lists(st.tuples(st.sampled_from(["a", "a/b", "c"]), SIZES), max_size=8), max_size=12)


@given(turns=TURNS, reopen=st.booleans())
def test_what_is_appended_is_what_is_read(
    tmp_path_factory: pytest.TempPathFactory, turns: list[list[tuple[str, list[int]]]], reopen: bool
) -> None:
    box = Box(tmp_path_factory.mktemp("box") / "data")
    journal = box.open()
    model: dict[str, list[bytes]] = {}
    for turn in turns:
        frames = []
        for topic, sizes in turn:
            records = [bytes([size % 256]) * size for size in sizes]
            model.setdefault(topic, []).extend(records)
            frames.append(checked(topic, *records))
        journal.append(frames)
        if reopen:
            journal = box.open()
    for topic, records in model.items():
        assert list(read_all(journal, topic).records.values()) == records
    box.kill()
