"""Going through bytes, without files: what counts behind damage, and what does not."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate

import pytest
from journal_kit import TOPIC, checked

from mq.frame import HEADER_SIZE, stamp
from mq.journal.resync import CHAINS_WEIGHED_MAX
from mq.journal.scan import Damaged, Event, Rest, scan
from mq.journal.window import NO_LIMIT, WINDOW_BYTES, Floor, Found, Window

NAME = TOPIC.encode() + b"\0"
HEAD = len(NAME) + HEADER_SIZE


def frame(offset: int, *records: bytes, appended: int | None = None, epoch: int = 5, topic: str = TOPIC) -> bytes:
    """Return a stamped frame; its time of appending follows from its offset."""
    records = records or (b"record %d" % offset,)
    return stamp(checked(topic, *records), offset, 1000 + offset if appended is None else appended, epoch)


def events(data: bytes, at: int = 0, floor: Floor | None = None, limit: int = NO_LIMIT) -> list[Event]:
    """Scan, and see that the events cover all of the bytes in order."""
    window = Window(lambda start, size: data[start : start + size], len(data))
    found = list(scan(window, NAME, at, floor or Floor(0, 0, 0), limit))
    for event in found:
        assert event.start == at
        at = event.stop
    assert at == len(data)
    return found


def offsets(data: bytes, floor: Floor | None = None, limit: int = NO_LIMIT) -> list[int]:
    """Return the first offsets of the frames that count."""
    return [event.header.offset for event in events(data, 0, floor, limit) if isinstance(event, Found)]


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def zeroed(data: bytes, start: int, stop: int) -> bytes:
    return data[:start] + bytes(stop - start) + data[stop:]


def test_whole_frames_one_after_another() -> None:
    frames = [frame(0), frame(1, b"a", b"b"), frame(3)]
    assert [(event.start, event.stop) for event in events(b"".join(frames))] == [
        (stop - len(each), stop) for each, stop in zip(frames, accumulate(map(len, frames)), strict=True)
    ]


def test_nothing_is_whole() -> None:
    assert events(b"") == []


@pytest.mark.parametrize("cut", range(1, len(frame(2))))
def test_a_cut_frame_at_the_end_is_the_rest(cut: int) -> None:
    good = frame(0) + frame(1)
    assert events(good + frame(2)[:cut])[-1] == Rest(len(good), len(good) + cut, 2)


@pytest.mark.parametrize("at", range(len(frame(1))))
def test_wherever_a_frame_is_flipped_the_one_behind_it_counts(at: int) -> None:
    first, second, third = frame(0), frame(1), frame(2)
    found = events(first + flipped(second, at) + third)
    assert found[1] == Damaged(len(first), len(first) + len(second), 1, 2)
    assert [type(event) for event in found] == [Found, Damaged, Found]


def test_a_jump_with_nothing_between_is_a_hole() -> None:
    data = frame(0) + frame(7) + frame(8)
    assert events(data)[1] == Damaged(len(frame(0)), len(frame(0)), 1, 7)
    assert offsets(data) == [0, 7, 8]
    assert offsets(frame(0) + frame(7)) == [0, 7]


@pytest.mark.parametrize(
    "wrong",
    [
        frame(0),
        frame(1, epoch=4),
        frame(1, appended=3),
        frame(1, topic="host/n1/mem"),
        frame(99),
    ],
)
def test_a_good_frame_in_the_wrong_place_does_not_count(wrong: bytes) -> None:
    assert offsets(frame(0) + wrong + frame(2) + frame(3), limit=50) == [0, 2, 3]


def test_what_is_not_below_the_limit_does_not_count() -> None:
    assert offsets(frame(0) + frame(1) + frame(2), limit=2) == [0, 1]
    assert offsets(frame(0) + b"garbage" + frame(5) + frame(6), limit=6) == [0]


def test_a_frame_that_claims_no_records_or_the_last_offset_does_not_count() -> None:
    assert offsets(frame(0) + b"x" + frame(2**64 - 1, appended=2000)) == [0]
    assert offsets(frame(0) + b"x" + frame(2**64 - 2, appended=2000)) == [0, 2**64 - 2]


# --- frames inside bodies -----------------------------------------------------------------------------------------

BODIES: dict[str, Callable[[int], bytes]] = {
    "a copy of an earlier frame": lambda _: frame(1),
    "the whole log so far": lambda at: b"".join(frame(offset) for offset in range(at)),
    "itself": frame,
    "the next one": lambda at: frame(at + 1),
    "the two next": lambda at: frame(at + 1) + frame(at + 2),
    "one far above": lambda _: frame(10**6),
    "many far above": lambda _: b"".join(frame(10**6 + each) for each in range(3)),
    "the last offset there can be": lambda _: frame(2**63, epoch=2**32 - 1, appended=2**64 - 1),
    "a header with a length beyond the body": lambda at: frame(at + 1, b"z" * 5000)[:HEAD],
    "openings": lambda _: (NAME + b"MQ") * 50,
}
FRAMED = {
    "alone": lambda inner: inner,
    "in front": lambda inner: inner + b"...",
    "at the end": lambda inner: b"..." + inner,
    "in the middle": lambda inner: b"({" + inner + b"})",
}


@pytest.mark.parametrize("inner", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("framed", FRAMED.values(), ids=FRAMED)
def test_a_body_that_holds_frames_is_never_taken_for_them(
    inner: Callable[[int], bytes], framed: Callable[[bytes], bytes]
) -> None:
    """Every byte of the outer frame's header flipped, and its header zeroed in part and whole."""
    before, behind = [frame(offset) for offset in range(4)], [frame(offset) for offset in range(5, 9)]
    outer = frame(4, framed(inner(4)))
    start = sum(map(len, before))
    data = b"".join([*before, outer, *behind])
    for at in range(HEAD + 3):
        assert offsets(flipped(data, start + at)) == [0, 1, 2, 3, 5, 6, 7, 8]
    for begin, stop in ((0, 8), (8, HEAD), (0, HEAD), (0, HEAD + 20)):
        assert offsets(zeroed(data, start + begin, start + stop)) == [0, 1, 2, 3, 5, 6, 7, 8]


def test_the_last_frame_damaged_brings_nothing_out_of_its_body() -> None:
    before = [frame(offset) for offset in range(4)]
    start = sum(map(len, before))
    for inner in BODIES.values():
        data = b"".join([*before, frame(4, b"({" + inner(4) + b"})")])
        for at in range(HEAD):
            assert offsets(flipped(data, start + at)) == [0, 1, 2, 3]


def test_frames_at_the_end_of_a_body_and_of_a_sector_are_not_taken_for_the_log_that_they_touch() -> None:
    before, behind = [frame(offset) for offset in range(4)], [frame(offset) for offset in range(7, 12)]
    start = sum(map(len, before))
    inner = frame(5)
    for padding in range(512):
        outer = frame(4, b"a", b"b", b"." * (300 + padding) + inner)
        if (start + len(outer)) % 512 == 0:
            data = zeroed(b"".join([*before, outer, *behind]), start, start + HEAD)
            assert offsets(data) == [0, 1, 2, 3, 7, 8, 9, 10, 11]


# --- more than one wound ------------------------------------------------------------------------------------------


def test_all_that_is_whole_between_many_flips_counts() -> None:
    frames = [frame(offset) for offset in range(200)]
    hurt = set(range(3, 200, 3))
    data = b"".join(flipped(each, 20) if offset in hurt else each for offset, each in enumerate(frames))
    assert offsets(data) == [offset for offset in range(200) if offset not in hurt]


def test_more_chains_than_are_weighed_at_once() -> None:
    count = 3 * CHAINS_WEIGHED_MAX
    frames = [frame(offset) for offset in range(2 * count)]
    data = b"".join(flipped(each, 3) if offset % 2 == 0 else each for offset, each in enumerate(frames))
    assert offsets(data) == list(range(1, 2 * count, 2))


def test_an_old_page_at_the_end_does_not_outweigh_the_log() -> None:
    frames = [frame(offset) for offset in range(60)]
    data = flipped(b"".join(frames), 20) + b"".join(frames[10:20])
    found = events(data)
    assert [event.header.offset for event in found if isinstance(event, Found)] == list(range(1, 60))
    assert isinstance(found[-1], Rest)
    assert found[-1].first == 60


def test_a_later_page_too_early_does_not_outweigh_the_log() -> None:
    frames = [frame(offset) for offset in range(60)]
    data = b"".join(frames[:5] + frames[30:40] + frames[15:])
    assert offsets(data) == [*range(5), *range(15, 60)]


# --- windows ------------------------------------------------------------------------------------------------------


def test_frames_across_the_edges_of_the_window() -> None:
    frames = [frame(offset, b"x" * 300_000) for offset in range(12)]
    assert offsets(b"".join(frames)) == list(range(12))
    data = flipped(b"".join(frames), 5)
    assert offsets(data) == list(range(1, 12))


@pytest.mark.parametrize("shift", range(-len(NAME) - 2, 3))
def test_an_opening_across_the_edge_of_the_window_is_found(shift: int) -> None:
    garbage = b"g" * (WINDOW_BYTES + shift)
    assert offsets(garbage + frame(3) + frame(4)) == [3, 4]


def test_a_source_that_ends_sooner_than_it_said_is_damage_and_no_error() -> None:
    data = frame(0) + frame(1)
    window = Window(lambda start, size: data[start : start + size], len(data) + 500)
    assert [type(event) for event in scan(window, NAME, 0, Floor(0, 0, 0))] == [Found, Found, Rest]


@pytest.mark.parametrize(
    "filling",
    [
        (NAME + b"MQ") * 40_000,
        b"".join(frame(10 + number, b"z" * 900_000)[:HEAD] for number in range(8_000)),
        b"".join(b"." + frame(10 + number) for number in range(6_000)),
    ],
    ids=["openings", "headers of long frames", "frames"],
)
def test_a_body_made_to_be_slow_is_not(filling: bytes) -> None:
    """A megabyte of what looks like frames is gone through in seconds: the time limit of the tests is the assertion."""
    data = zeroed(frame(0, filling[: 1 << 19] + b"."), 0, 40) + frame(1)
    assert offsets(data)
