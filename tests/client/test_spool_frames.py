"""What stands in a spool's files: frames, whatever has happened to the bytes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mq.client.spool_frames import BadNote, Damage, Found, kept, note, rows_of, scan
from mq.frame import Wanted, check, encode, pack, parse, split, stamp

ROWS = [("host/n1/cpu", 3, 67, 0, 2**63 + 1, 0), ("b", 0, 0, 0, 0, 0)]
FRAMES = [
    kept(pack("host/n1/cpu", [b"one"]), wanted=Wanted.DURABLE, produced=11, place=3, now=21),
    note(ROWS, 22),
    kept(pack("b", [b"", b"two"]), wanted=Wanted.WRITTEN, produced=12, place=2**40, now=23),
    kept(pack("host/n1/cpu", [b"\0MQ\x01" * 3]), wanted=Wanted.DURABLE, produced=13, place=4, now=24),
]
FILE = b"".join(FRAMES)


def found_in(buffer: bytes) -> list[Found]:
    return [item for item in scan(buffer) if isinstance(item, Found)]


def test_a_kept_frame_is_the_projects_own_and_holds_all_that_is_needed_to_send_it() -> None:
    frame = parse(FRAMES[0])
    assert (frame.topic, frame.records(), frame.header.wanted) == ("host/n1/cpu", [b"one"], Wanted.DURABLE)
    assert (frame.header.offset, frame.header.produced, frame.header.appended) == (3, 11, 21)
    assert [each.topic for each in split(FILE)] == ["host/n1/cpu", "_mq/spool", "b", "host/n1/cpu"]
    found = found_in(FILE)
    assert [each.is_note for each in found] == [False, True, False, False]
    assert found[2].content == pack("b", [b"", b"two"])
    assert [found[2].place, found[2].header.produced] == [2**40, 12]
    assert rows_of(found[1].body) == ROWS


def test_cut_at_every_byte_the_frames_before_the_cut_are_there() -> None:
    ends = [sum(map(len, FRAMES[: at + 1])) for at in range(len(FRAMES))]
    for cut in range(len(FILE)):
        items = list(scan(FILE[:cut]))
        whole = [end for end in ends if end <= cut]
        assert [item.stop for item in items if isinstance(item, Found)] == whole
        torn = [item for item in items if isinstance(item, Damage)]
        begin = whole[-1] if whole else 0
        assert torn == ([Damage(begin, cut, at_end=True)] if cut > begin else [])


def test_a_flipped_bit_costs_the_frame_that_it_is_in_and_no_other() -> None:
    for bit in range(len(FILE) * 8):
        wounded = bytearray(FILE)
        wounded[bit // 8] ^= 1 << bit % 8
        good = [frame for frame in FRAMES if frame in wounded]
        found = found_in(bytes(wounded))
        assert [bytes(wounded[each.at : each.stop]) for each in found] == good
        assert len(good) == len(FRAMES) - 1


def test_frames_within_a_record_are_never_taken_for_the_spools() -> None:
    inner = stamp(check(encode("host/n1/cpu", [b"inner"], produced=1)), 9, 1, 1_800_000_000)
    wounded = bytearray(kept(pack("a", [inner]), wanted=Wanted.WRITTEN, produced=1, place=0, now=1) + FRAMES[0])
    wounded[3] ^= 1  # the header: its length is not to be trusted
    assert [each.place for each in found_in(bytes(wounded))] == [3]


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.binary(max_size=300))
def test_anything_around_frames_is_passed_over(before: bytes, after: bytes) -> None:
    buffer = before + FRAMES[0] + after
    assert FRAMES[0] in [buffer[each.at : each.stop] for each in found_in(buffer)]


@pytest.mark.parametrize(
    "body", [b"", b"\xc1", b"\x93\x01", b"\x05", b"\x91\x02", b"\x92\x01\x05", b"\x92\x01\x91\xa1a"]
)
def test_a_note_that_makes_no_sense_or_is_newer_is_refused(body: bytes) -> None:
    with pytest.raises(BadNote):
        rows_of(body)
