"""Bodies: what a batch and a compressed body may be, and every lie that one can tell."""

from __future__ import annotations

import sys

import msgpack
import pytest
import zstandard
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mq.body import BODY_BYTES_MAX, CODEC_NONE, CODEC_ZSTD, pack, unpack
from mq.errors import CodecMissing, FrameRefused

CASES: list[tuple[list[bytes], bytes]] = [
    ([b""], b"\x91\xc4\x00"),
    ([b"a"], b"\x91\xc4\x01a"),
    ([b"a", b"", b"bc"], b"\x93\xc4\x01a\xc4\x00\xc4\x02bc"),
    ([b"x"] * 16, b"\xdc\x00\x10" + b"\xc4\x01x" * 16),
    ([bytes(256)], b"\x91\xc5\x01\x00" + bytes(256)),
    ([bytes(65_536)], b"\x91\xc6\x00\x01\x00\x00" + bytes(65_536)),
    ([b"\x91\xc4\x00"], b"\x91\xc4\x03\x91\xc4\x00"),
]

LONG_FORMS = [
    b"\xdc\x00\x01\xc4\x01a",
    b"\xdd\x00\x00\x00\x01\xc4\x01a",
    b"\x91\xc5\x00\x01a",
    b"\x91\xc6\x00\x00\x00\x01a",
]

LIES = [
    ("nothing at all", b"", 1, "bad_batch"),
    ("too few", b"\x91\xc4\x01a", 2, "bad_count"),
    ("far too few", b"\x91\xc4\x01a", 2**32 - 1, "bad_count"),
    ("too many", b"\x92\xc4\x01a\xc4\x01b", 1, "bad_count"),
    ("none", b"\x90", 1, "bad_count"),
    ("one byte after the array", b"\x91\xc4\x01a\x00", 1, "bad_batch"),
    ("another array after the array", b"\x91\xc4\x01a\x91\xc4\x01a", 1, "bad_batch"),
    ("an array that ends early", b"\x92\xc4\x01a", 2, "bad_batch"),
    ("an element that ends early", b"\x91\xc4\x02a", 1, "bad_batch"),
    ("only the opening of an element", b"\x91\xc4", 1, "bad_batch"),
    ("only the opening of an array", b"\xdc\x00", 1, "bad_batch"),
    ("a str", b"\x91\xa1a", 1, "bad_batch"),
    ("an empty str", b"\x91\xa0", 1, "bad_batch"),
    ("a str among bin", b"\x92\xc4\x01a\xa0", 2, "bad_batch"),
    ("an integer", b"\x91\x05", 1, "bad_batch"),
    ("a nil", b"\x91\xc0", 1, "bad_batch"),
    ("a truth value", b"\x91\xc3", 1, "bad_batch"),
    ("a float", b"\x91\xcb" + bytes(8), 1, "bad_batch"),
    ("an empty map", b"\x91\x80", 1, "bad_batch"),
    ("a map", b"\x91\x81\xa0\xc0", 1, "bad_batch"),
    ("a nested array", b"\x91\x91\xc4\x01a", 1, "bad_batch"),
    ("an empty nested array", b"\x91\x90", 1, "bad_batch"),
    ("arrays nested very deep", b"\x91" * 5000, 1, "bad_batch"),
    ("an extension", b"\x91\xd4\x01\x00", 1, "bad_batch"),
    ("an empty extension", b"\x91\xc7\x00\x01", 1, "bad_batch"),
    ("a timestamp", b"\x91\xd6\xff" + bytes(4), 1, "bad_batch"),
    ("the byte that msgpack never uses", b"\x91\xc1", 1, "bad_batch"),
    ("a bin and no array", b"\xc4\x01a", 1, "bad_batch"),
    ("an integer and no array", b"\x01", 1, "bad_batch"),
    ("a map and no array", b"\x80", 1, "bad_batch"),
    ("a huge array announced", b"\xdd\xff\xff\xff\xff", 1, "bad_batch"),
    ("a huge array announced and counted", b"\xdd\xff\xff\xff\xff", 2**32 - 1, "bad_batch"),
    ("a huge array announced over real bytes", b"\xdd\xff\xff\xff\xff" + b"\xc4\x00" * 99, 2**32 - 1, "bad_batch"),
    ("huge arrays announced one in another", b"\xdd\x00\x00\x20\x00" * 4000, 8192, "bad_batch"),
    ("a huge bin announced", b"\x91\xc6\xff\xff\xff\xff", 1, "bad_batch"),
]

COMPRESSOR = zstandard.ZstdCompressor(write_checksum=True)
UNSIZED = zstandard.ZstdCompressor(write_content_size=False)
GOOD = COMPRESSOR.compress(b"hello, hello, hello, hello")
EMPTY = COMPRESSOR.compress(b"")
SKIPPABLE = b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc"
RUN_OF_128_KIB = (131_072 << 3 | 0b011).to_bytes(3, "little") + b"\0"

ZSTD_LIES = [
    ("nothing at all", b"", "bad_codec"),
    ("something else", b"hello", "bad_codec"),
    ("only the magic", GOOD[:4], "bad_codec"),
    ("no content size", UNSIZED.compress(b"hello"), "bad_codec"),
    ("one byte after it", GOOD + b"\0", "bad_codec"),
    ("the same again after it", GOOD + GOOD, "bad_codec"),
    ("a skippable frame", SKIPPABLE, "bad_codec"),
    ("a skippable frame before it", SKIPPABLE + GOOD, "bad_codec"),
    ("nothing, compressed", EMPTY, "bad_codec"),
    ("nothing, compressed, and more after it", EMPTY + b"more", "bad_codec"),
    ("a wrong checksum", GOOD[:-1] + bytes([GOOD[-1] ^ 1]), "bad_codec"),
    ("a content size that is too small", GOOD.replace(b"\x1a", b"\x19", 1), "bad_codec"),
    ("a content size that is too large", GOOD.replace(b"\x1a", b"\x1b", 1), "bad_codec"),
    ("a content size of nothing over something", GOOD.replace(b"\x1a", b"\x00", 1), "bad_codec"),
    ("a bomb that says how large it is", COMPRESSOR.compress(bytes(BODY_BYTES_MAX + 1)), "too_large"),
    ("a bomb that says it is small", b"\x28\xb5\x2f\xfd\x20\x05" + RUN_OF_128_KIB, "bad_codec"),
    ("a content size near 2^64 and no content", b"\x28\xb5\x2f\xfd\xe0" + b"\xf0" * 8 + b"\1\0\0", "too_large"),
]


@pytest.mark.parametrize(("records", "body"), CASES)
def test_a_batch_is_an_array_of_bin_both_ways(records: list[bytes], body: bytes) -> None:
    assert pack(records) == body
    assert unpack(body, len(records), batch=True, codec=CODEC_NONE) == records


@pytest.mark.parametrize(("records", "body"), CASES)
def test_a_batch_cut_at_any_length_is_refused(records: list[bytes], body: bytes) -> None:
    for cut in [*range(min(len(body), 300)), len(body) - 1]:
        with pytest.raises(FrameRefused):
            unpack(body[:cut], len(records), batch=True, codec=CODEC_NONE)


@pytest.mark.parametrize("body", LONG_FORMS)
def test_the_longer_forms_of_msgpack_are_read_too(body: bytes) -> None:
    assert unpack(body, 1, batch=True, codec=CODEC_NONE) == [b"a"]


@pytest.mark.parametrize(("lie", "body", "count", "kind"), LIES, ids=[lie for lie, *_ in LIES])
def test_a_batch_that_lies_is_refused(lie: str, body: bytes, count: int, kind: str) -> None:
    with pytest.raises(FrameRefused) as caught:
        unpack(body, count, batch=True, codec=CODEC_NONE)
    assert caught.value.kind == kind


@pytest.mark.parametrize(("lie", "body", "count", "kind"), LIES, ids=[lie for lie, *_ in LIES])
def test_a_batch_that_lies_is_refused_in_a_compressed_body_too(lie: str, body: bytes, count: int, kind: str) -> None:
    if body:
        with pytest.raises(FrameRefused) as caught:
            unpack(COMPRESSOR.compress(body), count, batch=True, codec=CODEC_ZSTD)
        assert caught.value.kind == kind


@pytest.mark.parametrize("body", [b"", b"x", b"\x91\xc4\x00", bytes(1000)])
def test_without_the_batch_flag_the_body_is_the_record(body: bytes) -> None:
    assert unpack(body, 1, batch=False, codec=CODEC_NONE) == [body]


@pytest.mark.parametrize("count", [0, 2, 2**32 - 1])
def test_without_the_batch_flag_there_is_one_record_and_no_other_number(count: int) -> None:
    with pytest.raises(FrameRefused) as caught:
        unpack(b"x", count, batch=False, codec=CODEC_NONE)
    assert caught.value.kind == "bad_count"


@pytest.mark.parametrize("checksum", [False, True])
def test_a_compressed_record_and_a_compressed_batch_are_read(checksum: bool) -> None:
    compressor = zstandard.ZstdCompressor(write_checksum=checksum)
    assert unpack(compressor.compress(b"hello"), 1, batch=False, codec=CODEC_ZSTD) == [b"hello"]
    batch = compressor.compress(pack([b"a", b"b"]))
    assert unpack(batch, 2, batch=True, codec=CODEC_ZSTD) == [b"a", b"b"]


@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize(("lie", "body", "kind"), ZSTD_LIES, ids=[lie for lie, *_ in ZSTD_LIES])
def test_a_compressed_body_that_lies_is_refused(lie: str, body: bytes, kind: str, batch: bool) -> None:
    with pytest.raises(FrameRefused) as caught:
        unpack(body, 1, batch=batch, codec=CODEC_ZSTD)
    assert caught.value.kind == kind


def test_a_compressed_body_cut_at_any_length_is_refused() -> None:
    for cut in range(len(GOOD)):
        with pytest.raises(FrameRefused) as caught:
            unpack(GOOD[:cut], 1, batch=False, codec=CODEC_ZSTD)
        assert caught.value.kind == "bad_codec"


def test_the_limit_on_what_a_body_grows_to_is_exact() -> None:
    body = COMPRESSOR.compress(bytes(1000))
    assert unpack(body, 1, batch=False, codec=CODEC_ZSTD, limit=1000) == [bytes(1000)]
    with pytest.raises(FrameRefused, match="1000 bytes, the limit is 999"):
        unpack(body, 1, batch=False, codec=CODEC_ZSTD, limit=999)


def test_without_the_library_a_compressed_body_is_refused_and_the_remedy_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(CodecMissing, match=r"pip install 'minimq\[zstd\]'") as caught:
        unpack(GOOD, 1, batch=False, codec=CODEC_ZSTD)
    assert caught.value.kind == "codec_missing"


def test_without_the_library_all_other_bodies_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zstandard", None)
    assert unpack(b"\x91\xc4\x01a", 1, batch=True, codec=CODEC_NONE) == [b"a"]


@settings(deadline=None)
@given(st.lists(st.binary(max_size=300), min_size=1, max_size=40), st.booleans())
def test_every_batch_comes_back_as_it_went_in(records: list[bytes], compressed: bool) -> None:
    body = pack(records)
    codec = CODEC_ZSTD if compressed else CODEC_NONE
    travels = COMPRESSOR.compress(body) if compressed else body
    assert unpack(travels, len(records), batch=True, codec=codec) == records


def records_or_kind(body: bytes, count: int, *, batch: bool, codec: int) -> list[bytes] | str:
    try:
        return unpack(body, count, batch=batch, codec=codec)
    except FrameRefused as refused:
        return refused.kind


values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2**64 - 1) | st.binary(max_size=4) | st.text(max_size=4) | st.floats(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=8,
)
bodies = st.binary(max_size=60) | values.map(msgpack.packb)


@settings(deadline=None, max_examples=500)
@given(bodies, st.integers(0, 4) | st.integers(0, 2**32 - 1))
@example(b"\x91\xc7\x0c\xff" + b"\xff" * 12, 1)
@example(b"\x91\xa1\xff", 1)
def test_any_body_is_a_batch_of_so_many_records_or_refused_and_nothing_else(body: bytes, count: int) -> None:
    records = records_or_kind(body, count, batch=True, codec=CODEC_NONE)
    if isinstance(records, str):
        assert records in {"bad_batch", "bad_count"}
        return
    assert len(records) == count
    assert all(type(record) is bytes for record in records)
    assert msgpack.unpackb(body) == records


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=40) | st.binary(max_size=40).map(lambda rest: b"\x28\xb5\x2f\xfd" + rest), st.booleans())
def test_any_compressed_body_is_read_or_refused_and_nothing_else(body: bytes, batch: bool) -> None:
    records = records_or_kind(body, 1, batch=batch, codec=CODEC_ZSTD)
    assert len(records) == 1 or records in {"bad_codec", "bad_batch", "bad_count", "too_large"}


@settings(deadline=None)
@given(st.integers(0, 8 * len(GOOD) - 1))
def test_a_compressed_body_with_a_flipped_bit_is_never_another_record(bit: int) -> None:
    wrong = (int.from_bytes(GOOD, "little") ^ 1 << bit).to_bytes(len(GOOD), "little")
    try:
        records = unpack(wrong, 1, batch=False, codec=CODEC_ZSTD)
    except FrameRefused:
        return
    assert records == unpack(GOOD, 1, batch=False, codec=CODEC_ZSTD)
