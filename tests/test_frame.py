"""The frame: one table of good frames, run whole, cut at every length and with every bit flipped; one of bad ones."""

from __future__ import annotations

from pathlib import Path
from struct import Struct
from typing import NamedTuple

import pytest
import zstandard
from google_crc32c import value as crc_of
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mq import body as bodies
from mq.errors import BadTopic, FrameRefused, TooLarge
from mq.frame import (
    FRAME_BYTES_MAX,
    HEADER_SIZE,
    UNSTORED,
    Checked,
    Frame,
    Wanted,
    ack_key,
    body_holds,
    body_kind,
    check,
    claimed_key,
    encode,
    header_at,
    parse,
    stamp,
    stamp_unstored,
    wanted,
)

HEADER = Struct("<2sBBIQQQIIQQII")
BROKERS_BYTES = 24
U64 = 2**64 - 1
WIRE = Path(__file__).parents[1] / "docs" / "wire.md"


class Case(NamedTuple):
    """What goes into a frame."""

    topic: str
    records: list[bytes]
    batch: bool = False
    wanted: Wanted = Wanted.NONE
    producer: int = 0
    sequence: int = 0
    produced: int = 0

    def frame(self) -> bytes:
        """Return it as its producer sends it."""
        return encode(
            self.topic,
            self.records,
            produced=self.produced,
            producer=self.producer,
            sequence=self.sequence,
            batch=self.batch,
            wanted=self.wanted,
        )


CASES = [
    Case("a", [b""]),
    Case("a", [b"\0"]),
    Case("host/n1/cpu", [b"hello"], produced=1_700_000_000_000_000_000),
    Case("host/n1/cpu", [b"hello"], producer=77, sequence=3, produced=1),
    Case("a/b", [b"x"], wanted=Wanted.WRITTEN, producer=1),
    Case("a/b", [b"x"], wanted=Wanted.DURABLE, producer=1, sequence=1),
    Case("a/b", [b"one", b"two", b""], batch=True, producer=2, sequence=9),
    Case("a/b", [b"one"], batch=True, wanted=Wanted.DURABLE),
    Case("a/b", [b""], batch=True),
    Case("a/b", [bytes([one]) for one in range(20)], batch=True),
    Case("t" * 200, [b"long"]),
    Case("a", [b"max"], producer=U64, sequence=U64, produced=U64),
    Case("_", [b"a\0MQ\x01\0\x01\0\0\0"]),
]

short = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.topic[:12]}-{len(case.records)}-{case.wanted}")
relaxed = settings(deadline=None)


def stamped(case: Case, offset: int = 41, appended: int = 42, epoch: int = 43) -> bytes:
    return stamp(check(case.frame()), offset, appended, epoch)


def forge(  # noqa: PLR0913 - a forger sets every field
    topic: bytes = b"a",
    body: bytes = b"x",
    *,
    magic: bytes = b"MQ",
    version: int = 1,
    flags: int = 0,
    count: int = 1,
    length: int | None = None,
    crc: int | None = None,
    rest: bytes = bytes(BROKERS_BYTES),
) -> bytes:
    """Make a frame that is wrong in one thing only: the checksum fits whatever else was set."""
    said = len(body) if length is None else length
    prefix = topic + b"\0" + HEADER.pack(magic, version, flags, count, 5, 6, 7, said, 0, 0, 0, 0, 0)[:36]
    true = crc_of(prefix + body)
    return prefix + (true if crc is None else crc).to_bytes(4, "little") + rest + body


def forge_stamped(magic: bytes = b"MQ", version: int = 1, length: int | None = None) -> bytes:
    """Make a stamped frame of topic `a` whose two checksums fit."""
    frame = forge(magic=magic, version=version, length=length)
    head = frame[: 2 + HEADER_SIZE - 4]
    head_crc: int = crc_of(head)
    return head + head_crc.to_bytes(4, "little") + frame[2 + HEADER_SIZE :]


ZSTD = zstandard.ZstdCompressor().compress(b"x" * 50)
UNSIZED = zstandard.ZstdCompressor(write_content_size=False).compress(b"x" * 50)
BOMB = zstandard.ZstdCompressor().compress(bytes(bodies.BODY_BYTES_MAX + 1))

REFUSED = [
    ("too_large", bytes(FRAME_BYTES_MAX + 1)),
    ("too_large", b"a" * (FRAME_BYTES_MAX + 1)),
    ("too_large", forge(body=BOMB, flags=2)),
    ("too_large", forge(body=BOMB, flags=3)),
    ("not_a_frame", b""),
    ("not_a_frame", b"\0"),
    ("not_a_frame", b"a"),
    ("not_a_frame", b"a\0"),
    ("not_a_frame", b"a" * 300),
    ("not_a_frame", bytes(300)),
    ("not_a_frame", b"a\0" + bytes(HEADER_SIZE - 1)),
    ("not_a_frame", forge(topic=b"")),
    ("bad_magic", b"a\0" + bytes(HEADER_SIZE)),
    ("bad_magic", forge(magic=b"QM")),
    ("bad_magic", forge(magic=b"mq")),
    ("bad_version", forge(version=0)),
    ("bad_version", forge(version=2)),
    ("bad_version", forge(version=255)),
    ("bad_length", forge(length=0)),
    ("bad_length", forge(length=2)),
    ("bad_length", forge(length=2**32 - 1)),
    ("bad_length", forge() + b"y"),
    ("bad_checksum", forge(crc=0)),
    ("bad_checksum", forge(crc=2**32 - 1)),
    ("bad_topic", forge(topic=b"/")),
    ("bad_topic", forge(topic=b"a//b")),
    ("bad_topic", forge(topic=b".a")),
    ("bad_topic", forge(topic=b"a/")),
    ("bad_topic", forge(topic=b"a/#")),
    ("bad_topic", forge(topic=b"\xff\xfe")),
    ("bad_topic", forge(topic=b"a" * 201)),
    ("bad_topic", forge(topic=b"a" * 100_000)),
    ("reserved_topic", forge(topic=b"_mq")),
    ("reserved_topic", forge(topic=b"_mq/consumers")),
    ("bad_flags", forge(flags=0b100)),
    ("bad_flags", forge(flags=0b110)),
    ("bad_flags", forge(flags=0b11000)),
    ("bad_flags", forge(flags=0b100000)),
    ("bad_flags", forge(flags=0b1000000)),
    ("bad_flags", forge(flags=0b10000000)),
    ("bad_flags", forge(flags=255)),
    ("bad_count", forge(count=0)),
    ("bad_count", forge(count=2)),
    ("bad_count", forge(count=2**32 - 1)),
    ("bad_count", forge(count=2, flags=0b1000)),
    ("bad_count", forge(count=2, flags=2, body=ZSTD)),
    ("bad_count", forge(count=0, flags=1, body=b"\x90")),
    ("bad_count", forge(count=1, flags=1, body=b"\x90")),
    ("bad_count", forge(count=2, flags=1, body=b"\x91\xc4\0")),
    ("bad_count", forge(count=1, flags=1, body=b"\x92\xc4\0\xc4\0")),
    ("bad_batch", forge(flags=1, body=b"")),
    ("bad_batch", forge(flags=1, body=b"x")),
    ("bad_batch", forge(flags=1, body=b"\x91\xa1x")),
    ("bad_batch", forge(flags=1, count=2**32 - 1, body=b"\xdd\xff\xff\xff\xff")),
    ("bad_codec", forge(flags=2, body=b"")),
    ("bad_codec", forge(flags=2, body=b"x")),
    ("bad_codec", forge(flags=2, body=UNSIZED)),
    ("bad_codec", forge(flags=2, body=ZSTD[:-1])),
    ("bad_codec", forge(flags=2, body=ZSTD + b"\0")),
]


@short
def test_a_frame_passes_the_check_and_says_what_was_put_in(case: Case) -> None:
    topic, count, flags, _, crc, prefix, body, producer, sequence = check(case.frame())
    assert topic == case.topic.encode()
    assert count == len(case.records)
    assert (producer, sequence) == (case.producer, case.sequence)
    assert body_kind(flags) == (case.batch, 0)
    assert case.frame() == prefix + crc.to_bytes(4, "little") + bytes(BROKERS_BYTES) + body


@short
def test_a_stamped_frame_gives_back_what_was_put_in(case: Case) -> None:
    frame = parse(stamped(case))
    header = frame.header
    assert frame.topic == case.topic
    assert frame.records() == case.records
    assert (header.producer, header.sequence, header.produced) == (case.producer, case.sequence, case.produced)
    assert (header.offset, header.appended, header.epoch) == (41, 42, 43)
    assert header.count == len(case.records)
    assert header.next_offset == 41 + len(case.records)
    assert header.wanted is case.wanted


@short
def test_a_stamp_changes_the_brokers_bytes_and_no_others(case: Case) -> None:
    fresh, done = case.frame(), stamped(case)
    at = len(case.topic) + 1 + HEADER_SIZE - BROKERS_BYTES
    assert (done[:at], done[at + BROKERS_BYTES :]) == (fresh[:at], fresh[at + BROKERS_BYTES :])
    assert fresh[at : at + BROKERS_BYTES] == bytes(BROKERS_BYTES)


@short
def test_what_the_brokers_bytes_held_before_makes_no_difference(case: Case) -> None:
    assert check(stamped(case)) == check(case.frame())


@short
def test_a_frame_cut_at_any_length_is_refused(case: Case) -> None:
    fresh, done = case.frame(), stamped(case)
    for cut in range(len(fresh)):
        with pytest.raises(FrameRefused):
            check(fresh[:cut])
        with pytest.raises(FrameRefused):
            parse(done[:cut])


@short
def test_a_frame_with_more_behind_it_is_refused(case: Case) -> None:
    with pytest.raises(FrameRefused):
        check(case.frame() + b"\0")
    with pytest.raises(FrameRefused):
        parse(stamped(case) + b"\0")


@short
def test_no_flipped_bit_of_a_stamped_frame_goes_unseen(case: Case) -> None:
    done = stamped(case)
    for wrong in flipped(done):
        with pytest.raises(FrameRefused):
            parse(wrong)


@short
def test_no_flipped_bit_of_a_fresh_frame_goes_unseen_unless_it_is_the_brokers(case: Case) -> None:
    fresh = case.frame()
    brokers = range(len(case.topic) + 1 + HEADER_SIZE - BROKERS_BYTES, len(case.topic) + 1 + HEADER_SIZE)
    good = check(fresh)
    for bit, wrong in enumerate(flipped(fresh)):
        if bit // 8 in brokers:
            assert check(wrong) == good
            continue
        with pytest.raises(FrameRefused):
            check(wrong)


def flipped(frame: bytes) -> list[bytes]:
    number, size = int.from_bytes(frame, "little"), len(frame)
    return [(number ^ 1 << bit).to_bytes(size, "little") for bit in range(8 * size)]


@pytest.mark.parametrize(("kind", "frame"), REFUSED, ids=lambda it: it if isinstance(it, str) else f"{len(it)}-bytes")
def test_a_bad_frame_is_refused_by_the_name_of_what_is_wrong(kind: str, frame: bytes) -> None:
    with pytest.raises(FrameRefused) as caught:
        check(frame)
    assert caught.value.kind == kind
    assert len(str(caught.value)) < 1000


def test_every_kind_on_the_page_of_the_wire_has_a_case_and_the_other_way_round() -> None:
    section = WIRE.read_text("utf-8").split("## What is refused", 1)[1].split("\n## ", 1)[0]
    listed = [line.split("`")[1] for line in section.splitlines() if line.startswith("| `")]
    by_the_sockets = ["ack_not_here", "ack_missing"]
    elsewhere = ["codec_missing", *by_the_sockets]
    assert sorted(listed) == sorted({kind for kind, _ in REFUSED} | set(elsewhere))


def test_a_forged_frame_with_nothing_wrong_passes() -> None:
    assert check(forge())[6] == b"x"
    assert parse(forge_stamped()).body == b"x"


@pytest.mark.parametrize("topic", [b"_mqa", b"_mq.a", b"_m", b"a/_mq", b"_mq_/x"])
def test_a_topic_that_only_resembles_the_brokers_is_taken(topic: bytes) -> None:
    assert check(forge(topic=topic))[0] == topic


@pytest.mark.parametrize("flags", [0, 0b01000, 0b10000])
def test_each_wish_for_an_acknowledgement_is_read(flags: int) -> None:
    assert wanted(check(forge(flags=flags))) == flags >> 3


@pytest.mark.parametrize("flags", [2, 3])
def test_a_compressed_body_is_taken_and_stays_compressed(flags: int) -> None:
    plain = bodies.pack([b"x" * 50]) if flags & 1 else b"x" * 50
    body = zstandard.ZstdCompressor().compress(plain)
    done = parse(stamp(check(forge(flags=flags, body=body)), 0, 0, 0))
    assert done.body == body
    assert done.records() == [b"x" * 50]


def test_an_acknowledgement_is_keyed_by_topic_producer_and_sequence() -> None:
    frame = encode("a/b", [b"x"], produced=0, producer=U64, sequence=9, wanted=Wanted.DURABLE)
    assert ack_key(check(frame)) == ("a/b", U64, 9)


@short
def test_a_frame_that_did_not_pass_still_says_whom_to_answer(case: Case) -> None:
    key = (case.topic, case.producer, case.sequence)
    assert claimed_key(case.frame()) == claimed_key(case.frame() + b"more") == key


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (forge(crc=0), ("a", 5, 6)),
        (forge(version=9), ("a", 5, 6)),
        (forge(topic=b"_mq"), ("_mq", 5, 6)),
        (forge(topic=b"a//b"), None),
        (forge(topic=b"a" * 200), ("a" * 200, 5, 6)),
        (forge(topic=b"a" * 201), None),
        (forge(topic=b""), None),
        (b"", None),
        (b"a" * 300, None),
        (b"a\0" + bytes(HEADER_SIZE - 1), None),
    ],
)
def test_what_a_frame_claims_is_read_as_far_as_it_goes(frame: bytes, expected: tuple[str, int, int] | None) -> None:
    assert claimed_key(frame) == expected


def test_an_unstored_frame_has_no_offset_and_no_epoch_but_valid_checksums() -> None:
    header = parse(stamp_unstored(check(CASES[2].frame()), 99)).header
    assert (header.offset, header.appended, header.epoch) == (UNSTORED, 99, 0)


def test_a_frame_of_exactly_the_limit_passes_and_one_byte_more_does_not() -> None:
    most = FRAME_BYTES_MAX - len("a\0") - HEADER_SIZE
    fits = encode("a", [bytes(most)], produced=0)
    assert len(fits) == FRAME_BYTES_MAX
    check(fits)
    with pytest.raises(TooLarge) as caught:
        encode("a", [bytes(most + 1)], produced=0)
    assert (caught.value.limit, caught.value.size) == (FRAME_BYTES_MAX, FRAME_BYTES_MAX + 1)
    with pytest.raises(FrameRefused, match="too_large"):
        check(encode("a", [bytes(most + 1)], produced=0, limit=FRAME_BYTES_MAX + 1))


def test_the_limit_can_be_set_lower() -> None:
    frame = CASES[2].frame()
    check(frame, len(frame))
    with pytest.raises(FrameRefused) as caught:
        check(frame, len(frame) - 1)
    assert caught.value.kind == "too_large"


@pytest.mark.parametrize(("records", "batch"), [([], None), ([], True), ([], False), ([b"a", b"b"], False)])
def test_a_frame_without_a_record_or_with_too_many_is_never_made(records: list[bytes], batch: bool | None) -> None:
    with pytest.raises(ValueError, match="at least one record"):
        encode("a", records, produced=0, batch=batch)


def test_several_records_make_a_batch_by_themselves_and_one_does_not() -> None:
    assert encode("a", [b"x", b"y"], produced=0) == encode("a", [b"x", b"y"], produced=0, batch=True)
    assert encode("a", [b"x"], produced=0) == encode("a", [b"x"], produced=0, batch=False)


@pytest.mark.parametrize("topic", ["", "a//b", "é", "a" * 201])
def test_no_frame_is_made_for_what_is_no_topic(topic: str) -> None:
    with pytest.raises(BadTopic):
        encode(topic, [b"x"], produced=0)


@pytest.mark.parametrize("wrong", [forge_stamped(magic=b"MX"), forge_stamped(version=2)])
def test_a_header_of_another_kind_is_not_read_even_if_its_checksum_fits(wrong: bytes) -> None:
    assert header_at(wrong, 0, b"a\0") is None
    with pytest.raises(FrameRefused):
        parse(wrong)


@pytest.mark.parametrize("length", [0, 2, 2**32 - 1])
def test_a_body_of_another_length_is_refused_even_if_both_checksums_fit(length: int) -> None:
    with pytest.raises(FrameRefused):
        parse(forge_stamped(length=length))


def test_a_header_is_found_where_it_stands_and_nowhere_else() -> None:
    first, second = stamped(CASES[0], offset=7), stamped(CASES[1], offset=8)
    buffer = first + second
    found = header_at(buffer, len(first), b"a\0")
    assert found is not None
    assert found.offset == 8
    assert header_at(buffer, len(first), b"b\0") is None
    assert header_at(buffer, len(first) + 1, b"a\0") is None
    assert header_at(buffer[:-2], len(first), b"a\0") is None
    assert header_at(buffer, len(buffer), b"a\0") is None


@short
def test_the_body_is_held_against_the_producers_checksum(case: Case) -> None:
    done = stamped(case)
    frame = parse(done)
    prefix = done[: len(case.topic) + 1 + 36]
    assert body_holds(prefix, frame.header, frame.body)
    assert not body_holds(prefix, frame.header, frame.body + b"\0")


def test_a_frame_that_lies_about_its_count_gives_no_records() -> None:
    frame = parse(stamped(CASES[2]))
    lying = Frame(frame.topic, frame.header._replace(count=5), frame.body)
    with pytest.raises(FrameRefused) as caught:
        lying.records()
    assert caught.value.kind == "bad_count"


u64 = st.integers(0, U64)
topics = st.from_regex(r"[a-zA-Z0-9-][a-zA-Z0-9_.-]{0,8}(/[a-zA-Z0-9_-][a-zA-Z0-9_.-]{0,8}){0,3}", fullmatch=True)
cases = st.builds(
    Case,
    topic=topics,
    records=st.lists(st.binary(max_size=300), min_size=1, max_size=20),
    batch=st.just(True),
    wanted=st.sampled_from(Wanted),
    producer=u64,
    sequence=u64,
    produced=u64,
)
cases |= cases.map(lambda case: case._replace(records=case.records[:1], batch=False))


@relaxed
@given(cases, u64, u64, st.integers(0, 2**32 - 1))
def test_every_frame_comes_back_as_it_went_in(case: Case, offset: int, appended: int, epoch: int) -> None:
    checked = check(case.frame())
    frame = parse(stamp(checked, offset, appended, epoch))
    assert (frame.topic, frame.records()) == (case.topic, case.records)
    assert frame.header[9:12] == (offset, appended, epoch)
    assert ack_key(checked) == (case.topic, case.producer, case.sequence)
    assert wanted(checked) is case.wanted is frame.header.wanted
    assert header_at(stamp(checked, offset, appended, epoch), 0, case.topic.encode() + b"\0") == frame.header


arbitrary = st.binary(max_size=200) | st.builds(
    forge,
    st.binary(min_size=1, max_size=5),
    st.binary(max_size=20),
    magic=st.just(b"MQ") | st.binary(min_size=2, max_size=2),
    version=st.integers(0, 2),
    flags=st.integers(0, 255),
    count=st.integers(0, 3) | st.integers(0, 2**32 - 1),
    length=st.none() | st.integers(0, 2**32 - 1),
    crc=st.none() | st.integers(0, 2**32 - 1),
    rest=st.binary(min_size=BROKERS_BYTES, max_size=BROKERS_BYTES),
)


@settings(deadline=None, max_examples=500)
@given(arbitrary)
@example(forge(flags=1, count=1, body=b"\x91" * 1000))
@example(forge(flags=1, count=1, body=b"\x91\xc7\x0c\xff" + b"\xff" * 12))
def test_whatever_arrives_is_checked_or_refused_and_nothing_else(frame: bytes) -> None:
    try:
        checked: Checked = check(frame)
    except FrameRefused:
        return
    assert checked[0] + b"\0" == frame[: len(checked[0]) + 1]
    assert len(parse(stamp(checked, 1, 2, 3)).records()) == checked[1]


@settings(deadline=None, max_examples=500)
@given(arbitrary)
def test_whatever_is_read_is_a_frame_or_refused_and_nothing_else(frame: bytes) -> None:
    with pytest.raises(FrameRefused):
        parse(frame)


@relaxed
@given(st.binary(max_size=300), st.integers(0, 310), st.binary(max_size=5))
def test_looking_for_a_header_in_any_bytes_finds_none_and_never_fails(buffer: bytes, at: int, name: bytes) -> None:
    assert header_at(buffer, at, name) is None
