"""A record as a row, and back: the same bytes, whatever they are."""

from __future__ import annotations

import json

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mq.client.message import Message
from mq.transfer.rows import BadBody, Row, body_of, row_of

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
PACKED = st.one_of(PLAIN, st.dictionaries(st.integers(0, 9), st.binary(max_size=4))).map(msgpack.packb)


def row(body: bytes) -> Row:
    return row_of(Message("a", 3, 5, 7, body))


@given(st.binary(max_size=60) | PACKED | st.text(max_size=30).map(str.encode))
def test_every_body_comes_back_to_the_byte(body: bytes) -> None:
    found = row(body)
    assert body_of(found.encoding, found.body) == body
    assert "\0" not in found.body


@pytest.mark.parametrize(
    ("body", "encoding", "text", "value"),
    [
        (msgpack.packb({"value": 1.5, "node": "é"}), "msgpack", '{"value":1.5,"node":"é"}', 1.5),
        (msgpack.packb([1, 2]), "msgpack", "[1,2]", None),
        (msgpack.packb({"value": True}), "msgpack", '{"value":true}', None),
        (msgpack.packb({"value": float("nan")}), "base64", None, None),
        (msgpack.packb({"value": b"\0"}), "base64", None, None),
        (msgpack.packb({1: 2}), "base64", None, None),
        (b"\x81\xa1a\xcf" + bytes(7) + b"\x01", "base64", None, None),  # 1 in nine bytes
        (b"41.5", "text", "41.5", 41.5),
        (b"nan", "text", "nan", None),
        (b"", "text", "", None),
        (b"a\0b", "base64", None, None),
        (b"\xff", "base64", "/w==", None),
    ],
)
def test_a_body_is_shown_as_what_it_is(body: bytes, encoding: str, text: str | None, value: float | None) -> None:
    found = row(body)
    assert (found.encoding, found.value) == (encoding, value)
    assert text is None or found.body == text


def test_where_and_when_stay() -> None:
    assert row(b"x")[:4] == ("a", 3, 5, 7)


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("msgpack", "{"),
        ("msgpack", json.dumps(2**70)),
        ("base64", "a"),
        ("base64", "é"),
        ("text", "\ud800"),
        ("zip", ""),
    ],
)
def test_what_no_body_can_be_is_refused(encoding: str, body: str) -> None:
    with pytest.raises(BadBody):
        body_of(encoding, body)
