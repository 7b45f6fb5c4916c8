"""Reading: by offset, by time, by position; heads, topics, last frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from journal_kit import ALL, SECOND, START, TOPIC, Box, checked, fill, put, read_all, split

from mq.errors import Rewound, Trimmed
from mq.journal.catalog import Catalog
from mq.journal.file_journal import FileJournal
from mq.journal.interface import Head, Slice, TopicInfo
from mq.topic import Pattern


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    box = Box(tmp_path / "data")
    yield box
    box.kill()


def test_every_offset_can_be_read_alone(box: Box) -> None:
    stamped = fill(box.open(), 100)
    journal = box.open()
    for offset, frame in enumerate(stamped):
        assert journal.read(TOPIC, offset, None, 1) == Slice(frame, offset + 1, journal.epoch - 1, 100)


def test_an_offset_inside_a_batch_brings_the_whole_batch(box: Box) -> None:
    journal = box.open()
    put(journal, b"0", b"1", b"2")
    batch = put(journal, b"3", b"4", b"5").frames[0]
    for offset in (3, 4, 5):
        assert journal.read(TOPIC, offset, None, 1) == Slice(batch, 6, journal.epoch, 6)
    assert list(read_all(journal, start=4).records) == [4, 5]


@pytest.mark.parametrize("size", [1, 100, 1000, 5000, 1 << 20])
def test_a_slice_is_about_the_size_wanted_and_never_less_than_a_frame(box: Box, size: int) -> None:
    journal = box.open()
    stamped = fill(journal, 100)
    largest = max(map(len, stamped))
    got = journal.read(TOPIC, 0, None, size)
    assert got.frames == b"".join(stamped[: got.next])
    assert len(got.frames) < size + largest
    assert len(read_all(journal, size=size).records) == 100


def test_at_the_end_there_is_nothing_and_past_it_is_rewound(box: Box) -> None:
    journal = box.open()
    fill(journal, 10)
    assert journal.read(TOPIC, 10, journal.epoch, 100) == Slice(b"", 10, journal.epoch, 10)
    with pytest.raises(Rewound) as caught:
        journal.read(TOPIC, 11, None, 100)
    assert (caught.value.wanted, caught.value.end) == (11, 10)


def test_a_topic_that_does_not_exist_is_empty_or_rewound(box: Box) -> None:
    journal = box.open()
    assert journal.read("no/such", 0, None, 100) == Slice(b"", 0, 0, 0)
    assert journal.offset_at("no/such", 5) == 0
    with pytest.raises(Rewound) as caught:
        journal.read("no/such", 3, 17, 100)
    assert caught.value.end == 0


# --- time ---------------------------------------------------------------------------------------------------------


def _a_record_a_second(box: Box, journal: FileJournal, count: int) -> None:
    for number in range(count):
        box.clock.now = START + number * SECOND
        put(journal, b"x" * 150)


def test_the_offset_for_a_time_is_the_first_appended_then_or_later(box: Box) -> None:
    _a_record_a_second(box, box.open(), 120)
    journal = box.open()
    assert len(box.segments()) > 3
    for number in range(120):
        assert journal.offset_at(TOPIC, START + number * SECOND) == number
        assert journal.offset_at(TOPIC, START + number * SECOND - 1) == number
        assert journal.offset_at(TOPIC, START + number * SECOND + 1) == number + 1
    assert [journal.offset_at(TOPIC, time) for time in (0, 1, 2**63)] == [0, 0, 120]


def test_of_many_appended_at_one_time_the_first_is_found(box: Box) -> None:
    journal = box.open()
    fill(journal, 60)
    box.clock.now += SECOND
    fill(journal, 60)
    box.clock.now -= 10 * SECOND
    fill(journal, 60)
    assert journal.offset_at(TOPIC, START) == 0
    assert journal.offset_at(TOPIC, START + 1) == 60
    assert journal.offset_at(TOPIC, START + SECOND) == 60
    assert journal.offset_at(TOPIC, START + SECOND + 1) == 180


# --- positions ----------------------------------------------------------------------------------------------------


@pytest.fixture
def epochs(box: Box) -> list[int]:
    """Three lives of 40 records each; return their epochs."""
    lives = []
    for _ in range(3):
        journal = box.open()
        fill(journal, 40)
        lives.append(journal.epoch)
    return lives


def test_each_right_position_reads_on(box: Box, epochs: list[int]) -> None:
    journal = box.open()
    for offset in range(1, 121):
        assert journal.read(TOPIC, offset, epochs[(offset - 1) // 40], 1).next == min(offset + 1, 120)
    assert journal.read(TOPIC, 0, 0, 1).next == 1


def test_a_wrong_epoch_is_rewound_to_where_the_next_one_begins(box: Box, epochs: list[int]) -> None:
    journal = box.open()
    for offset in range(41, 121):
        for which, end in ((0, 40), (1, 80)):
            if epochs[which] != epochs[(offset - 1) // 40]:
                with pytest.raises(Rewound) as caught:
                    journal.read(TOPIC, offset, epochs[which], 1)
                assert caught.value.end == min(end, offset)


def test_an_epoch_from_another_history_never_sends_a_reader_forward(box: Box, epochs: list[int]) -> None:
    journal = box.open()
    for offset in (1, 39, 40, 50, 119, 120):
        with pytest.raises(Rewound) as caught:
            journal.read(TOPIC, offset, epochs[2] + 7, 1)
        assert caught.value.end == offset
    with pytest.raises(Rewound) as caught:
        journal.read(TOPIC, 300, epochs[0] - 5, 1)
    assert caught.value.end == 0


def test_past_the_end_with_an_epoch_is_rewound_to_the_end_of_that_epoch(box: Box, epochs: list[int]) -> None:
    journal = box.open()
    for epoch, end in zip(epochs, (40, 80, 120), strict=True):
        with pytest.raises(Rewound) as caught:
            journal.read(TOPIC, 500, epoch, 1)
        assert caught.value.end == end


def test_below_the_first_segment_kept_is_trimmed(box: Box) -> None:
    fill(box.open(), 100)
    box.kill()
    first, second, *_ = box.segments()
    first.unlink()
    kept = int(second.name[1:21])
    journal = box.open()
    with pytest.raises(Trimmed) as caught:
        journal.read(TOPIC, kept - 1, None, 1)
    assert (caught.value.topic, caught.value.wanted, caught.value.first_kept) == (TOPIC, kept - 1, kept)
    with pytest.raises(Trimmed):
        journal.read(TOPIC, 0, None, 1)
    assert list(read_all(journal, start=kept).records) == list(range(kept, 100))
    assert journal.topics(ALL, None, 9)[0][0].first == kept
    assert journal.offset_at(TOPIC, 0) == kept


# --- heads, topics, last ------------------------------------------------------------------------------------------


def test_heads_tell_what_changed_since_a_token(box: Box) -> None:
    journal = box.open()
    nothing, token, _ = journal.heads(ALL, 0, None, 10)
    assert nothing == []
    journal.append([checked(topic, b"x", b"y") for topic in ("a", "b")])
    heads, token, more = journal.heads(ALL, token, None, 10)
    assert (heads, more) == ([Head("a", 2, journal.epoch), Head("b", 2, journal.epoch)], None)
    assert journal.heads(ALL, token, None, 10)[0] == []
    put(journal, b"z", topic="b")
    assert journal.heads(ALL, token, None, 10)[0] == [Head("b", 3, journal.epoch)]
    assert journal.heads([Pattern.parse("a")], token, None, 10)[0] == []


def test_a_token_from_before_a_restart_shows_everything_again(box: Box) -> None:
    journal = box.open()
    put(journal, b"x", topic="a")
    _, token, _ = journal.heads(ALL, 0, None, 10)
    journal = box.open()
    assert [head.topic for head in journal.heads(ALL, token, None, 10)[0]] == ["a"]


def test_a_token_that_this_journal_never_gave_shows_everything(box: Box) -> None:
    journal = box.open()
    put(journal, b"x", topic="a")
    _, token, _ = journal.heads(ALL, 2**63, None, 10)
    assert [head.topic for head in journal.heads(ALL, 2**63, None, 10)[0]] == ["a"]
    assert journal.heads(ALL, token, None, 10)[0] == []


def test_a_change_is_seen_by_whoever_asks_with_the_token_of_that_moment(box: Box) -> None:
    """A token taken at any step of an append shows the change then, or the next time."""
    asked: list[tuple[bool, int]] = []

    class Watched(Catalog):
        def __setattr__(self, name: str, value: object) -> None:
            super().__setattr__(name, value)
            if name == "_changes" and asked:
                heads, token, _ = self.heads(ALL, asked[0][1], None, 9)
                asked.append((bool(heads), token))

    journal = box.open()
    journal._catalog = Watched(journal.epoch, [])
    put(journal, b"x")
    asked.append((False, journal.heads(ALL, 0, None, 9)[1]))
    put(journal, b"y")
    assert len(asked) == 2
    for shown, token in asked[1:]:
        assert shown or journal.heads(ALL, token, None, 9)[0]


def test_topics_and_heads_and_last_come_in_pages(box: Box) -> None:
    journal = box.open()
    names = sorted(f"t/{number}" for number in range(25))
    journal.append([checked(name, name.encode()) for name in names])
    assert _pages(lambda after: journal.topics(ALL, after, 10)) == names
    assert _pages(lambda after: _without_token(journal.heads(ALL, 0, after, 10))) == names
    frames, after = journal.last(ALL, None, 200)
    assert 0 < len(split_any(frames)) < 25
    while after is not None:
        more, after = journal.last(ALL, after, 200)
        frames += more
    assert split_any(frames) == [name.encode() for name in names]


def _pages(ask: Callable[[str | None], tuple[Sequence[Head | TopicInfo], str | None]]) -> list[str]:
    names: list[str] = []
    after: str | None = None
    while True:
        rows, after = ask(after)
        assert 0 < len(rows) <= 10
        names += [row.topic for row in rows]
        if after is None:
            return names
        assert after == names[-1]


def _without_token(page: tuple[list[Head], int, str | None]) -> tuple[list[Head], str | None]:
    return page[0], page[2]


def split_any(frames: bytes) -> list[bytes]:
    """Bodies of frames of several topics."""
    bodies = []
    while frames:
        topic = frames[: frames.index(0)].decode()
        length = int.from_bytes(frames[len(topic) + 33 : len(topic) + 37], "little")
        stop = len(topic) + 65 + length
        (frame,) = split(frames[:stop], topic)
        bodies.append(frame.body)
        frames = frames[stop:]
    return bodies


def test_the_last_frame_survives_a_roll_and_a_restart(box: Box) -> None:
    journal = box.open()
    for number in range(60):
        last = put(journal, b"%d" % number, b"x" * 100).frames[0]
        assert journal.last(ALL, None, 9999) == (last, None)
        if number % 7 == 0:
            journal = box.open()
            assert journal.last(ALL, None, 9999) == (last, None)


def test_topics_tell_sizes(box: Box) -> None:
    journal = box.open()
    fill(journal, 100)
    (info,) = journal.topics(ALL, None, 10)[0]
    assert (info.topic, info.first, info.next, info.appended) == (TOPIC, 0, 100, START)
    assert info.bytes == len(box.log())
    assert info.segments == len(box.segments())
    assert box.open().topics(ALL, None, 10)[0] == [info]


def test_the_tail_of_a_topic_is_about_as_large_as_was_asked(box: Box) -> None:
    """Over segments, and never less than that as long as there is so much."""
    journal = box.open()
    assert journal.tail_offset("nobody", 1_000) == 0
    frames = fill(journal, 200)
    sizes = [len(frame) for frame in frames]
    for wanted in (1, 1_000, 5_000, 20_000, sum(sizes) - 1, 1 << 20):
        first = journal.tail_offset(TOPIC, wanted)
        tail = sum(sizes[first:])
        assert min(wanted, sum(sizes)) <= tail <= wanted + 4_096
    journal.trim(TOPIC, 100)
    kept = journal.topics(ALL, None, 9)[0][0].first
    assert journal.tail_offset(TOPIC, 1 << 20) == kept
