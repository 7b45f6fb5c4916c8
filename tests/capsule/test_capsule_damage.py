"""Every cut and every flipped bit is found, costs no more than it touches, and is told with file, bytes and offsets."""

from __future__ import annotations

from pathlib import Path

import pytest
from capsule_kit import ABOUT, EXAMPLE, ID, capsule, frame, places, read_all
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mq.capsule.check import check
from mq.capsule.layout import BLOCK_SIZE, END_SIZE, HEAD_SIZE, SIGNATURE
from mq.capsule.reader import Capsule
from mq.capsule.writing import CapsuleWriter
from mq.errors import CapsuleDamaged, CapsuleUnusable

WHOLE = capsule(EXAMPLE)
one_file = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the example in a file, whole."""
    path = tmp_path / "x.mq"
    path.write_bytes(WHOLE)
    return path


def flipped(data: bytes, at: int, bit: int = 0) -> bytes:
    return data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]


def test_what_is_whole_is_read_whole(path: Path) -> None:
    seen = read_all(path)
    assert len(seen.records) == len(places(path)) == 12
    assert [str(event) for event in seen.events] == [
        "a: offsets 14 to 17 are damaged in the journal; reading goes on at 18",
        "b/c: offset 10 is no longer kept; the first one that is is 17",
    ]
    report = check(str(path))
    assert report.whole
    assert (report.frames, report.records) == (10, 12)
    assert report.bytes == sum(stop - start for start, stop in set(places(path).values()))


@pytest.mark.parametrize("bit", range(8))
def test_no_flipped_bit_goes_unseen_or_costs_more_than_its_frame(path: Path, bit: int) -> None:
    """All records but those of the frame it is in are read, and those are told by their offsets."""
    everything, where = read_all(path), places(path)
    for at in range(len(WHOLE)):
        path.write_bytes(flipped(WHOLE, at, bit))
        seen = read_all(path)
        hit = {place for place, (start, stop) in where.items() if start <= at < stop}
        assert seen.records == [it for it in everything.records if (it.topic, it.offset) not in hit]
        assert {lost for lost in seen.lost if lost in where} == hit
        findings = check(str(path)).findings
        assert findings
        assert any(each.start <= at < each.stop for each in findings), at


def test_of_a_file_that_was_cut_off_all_before_the_cut_is_read(path: Path) -> None:
    """At every length; that it is torn is told, but for one too short to be a capsule."""
    everything, where = read_all(path), places(path)
    begun = Capsule(str(path)).topics[0].blocks[0].at
    for size in range(len(WHOLE)):
        path.write_bytes(WHOLE[:size])
        if size < begun:
            with pytest.raises(CapsuleUnusable):
                check(str(path))
            continue
        report = check(str(path))
        assert [finding.kind for finding in report.findings].count("torn") == 1
        seen = read_all(path)
        there = [it for it in everything.records if where[it.topic, it.offset or 0][1] <= size]
        assert seen.records == there


@one_file
@given(st.data())
def test_whatever_happens_to_a_file_what_is_read_was_in_it(path: Path, data: st.DataObject) -> None:
    """Any stretch replaced by anything, twice: no record is made up, and nothing else is raised."""
    everything = read_all_of(path, WHOLE)
    wounded = WHOLE
    for _ in range(2):
        start = data.draw(st.integers(0, len(wounded)))
        stop = data.draw(st.integers(start, len(wounded)))
        wounded = wounded[:start] + data.draw(st.binary(max_size=40)) + wounded[stop:]
    path.write_bytes(wounded)
    try:
        assert wounded == WHOLE or not check(str(path)).whole
    except CapsuleUnusable:
        return
    assert set(read_all(path).records) <= everything


def read_all_of(path: Path, data: bytes) -> set[object]:
    path.write_bytes(data)
    return set(read_all(path).records)


def test_a_capsule_in_a_record_is_never_taken_for_the_one_around_it(path: Path) -> None:
    """Neither another's blocks nor its own, which stand elsewhere; even where the search has to go through them."""
    inner = capsule({"a": [(b"inner",)] * 3}, identity=ID + 1) + capsule({"a": [(b"inner",)] * 3})
    data = capsule({"a": [(b"before",), (inner,), (b"after",)]}, block_bytes=1)
    path.write_bytes(data)
    with Capsule(str(path)) as opened:
        second = opened.topics[0].blocks[1].at
    path.write_bytes(flipped(data[:-END_SIZE], second))
    seen = read_all(path)
    assert [it.body for it in seen.records] == [b"before", b"after"]
    assert seen.lost == {("a", 11)}


def test_a_frame_that_does_not_belong_there_is_damage(path: Path) -> None:
    """Whole frames in another order, twice, or of another topic, with labels and checksums that fit."""
    for offsets in ([0, 2], [0, 0, 1], [1, 0]):
        out = bytearray()
        writer = CapsuleWriter(out.extend, ABOUT)
        writer.begin("a")
        for offset in offsets:
            writer.take(frame("a", b"%d" % offset, offset=offset))
        writer.finish()
        path.write_bytes(out)
        assert not check(str(path)).whole


def test_damage_is_told_with_file_bytes_and_offsets(path: Path) -> None:
    start, stop = places(path)["a", 11]
    path.write_bytes(flipped(WHOLE, stop - 1))
    with Capsule(str(path)) as opened:
        records = opened.replay("a")
        assert next(records).offset == 10
        with pytest.raises(CapsuleDamaged) as caught:
            next(records)
        assert next(records).offset == 13
    error = caught.value
    assert (error.path, error.topic, error.first, error.next) == (str(path), "a", 11, 13)
    assert (error.start, error.stop) == (start, stop)
    assert str(error) == (
        f"{path}, bytes {start} to {stop - 1}: a frame does not hold (the body is damaged); offsets 11 to 12 of a "
        "cannot be read, reading goes on at 13"
    )


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "is empty"),
        (b"hello, this is some text and no capsule", "is no capsule"),
        (SIGNATURE, "has a head that does not hold, and no end"),
        (WHOLE[: HEAD_SIZE + BLOCK_SIZE], "was cut off before its first record"),
        (WHOLE[:7], "is no capsule"),
    ],
)
def test_what_is_no_capsule_is_named_with_what_to_do(path: Path, data: bytes, why: str) -> None:
    path.write_bytes(data)
    with pytest.raises(CapsuleUnusable, match=why) as caught:
        Capsule(str(path))
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there_or_cannot_be_read_is_named(tmp_path: Path) -> None:
    for place, why in ((tmp_path / "none.mq", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(CapsuleUnusable, match=why):
            Capsule(str(place))
