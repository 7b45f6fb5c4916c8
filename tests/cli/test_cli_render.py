"""How records look: JSON that any program reads, lines that are safe on any terminal."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mq.cli.render import clock, gap_json, printable, readable, record_json, record_line
from mq.client.message import Message
from mq.errors import Gap

SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary()
KEYS = st.text() | st.integers(0, 9) | st.binary(max_size=3) | st.none()
CONTAINERS = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
).filter(lambda it: isinstance(it, (list, dict)))


def message(body: bytes, offset: int | None = 7, time: int = 1_764_000_000_123_456_789) -> Message:
    return Message("host/n1/cpu", offset, time, 5, body)


def strict(text: str) -> Any:
    """Read JSON by the letter of RFC 8259, which knows no NaN."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


def plain(it: Any) -> Any:
    """Say again, in other words, what a container looks like as JSON."""
    if isinstance(it, bytes):
        return {"base64": base64.b64encode(it).decode()}
    if isinstance(it, float) and not math.isfinite(it):
        return None
    if isinstance(it, list):
        return [plain(inner) for inner in it]
    if isinstance(it, dict):
        return {key if isinstance(key, str) else str(plain(key)): plain(inner) for key, inner in it.items()}
    return it


@given(CONTAINERS)
def test_a_map_or_array_is_shown_as_json(it: Any) -> None:
    shown = strict(record_json(message(msgpack.packb(it))))["body"]
    assert shown == plain(it)


@given(st.text())
def test_text_is_shown_as_itself(text: str) -> None:
    assert strict(record_json(message(text.encode())))["body"] == text


@given(st.binary())
def test_any_body_is_one_object_on_one_line_and_one_line_for_people(body: bytes) -> None:
    for shown in (record_json(message(body)), record_line(message(body))):
        assert shown.isprintable()
    assert set(strict(record_json(message(body)))) == {"topic", "offset", "time", "produced", "body"}


@given(st.binary())
def test_a_body_can_be_had_back_unless_it_is_a_container(body: bytes) -> None:
    shown = readable(body)
    if isinstance(shown, str):
        assert shown.encode() == body
    elif isinstance(shown, dict) and set(shown) == {"base64"}:
        assert base64.b64decode(shown["base64"]) == body


@pytest.mark.parametrize("depth", [100, 400, 900, 3000, 100_000])
def test_a_deep_body_is_shown_one_way_or_another(depth: int) -> None:
    body = b"\x91" * depth + b"\x01"
    assert strict(record_json(message(body)))["body"]
    assert record_line(message(body))


@pytest.mark.parametrize(
    "body",
    [b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff\x01\x01", b"\x81\x91\x01\x01", b"\xc1", b"\x91\xd4\x05\x00"],
)
def test_a_body_that_lies_or_holds_what_json_has_not_is_shown_all_the_same(body: bytes) -> None:
    assert strict(record_json(message(body)))["body"]


def test_only_a_whole_map_or_array_counts_as_one() -> None:
    assert readable(msgpack.packb([1])) == [1]
    assert readable(msgpack.packb([1]) + b"\x01") == {"base64": "kQEB"}
    assert readable(msgpack.packb([1])[:-1]) == {"base64": "kQ=="}


def test_a_gap_is_an_object_with_gap_and_without_body() -> None:
    assert strict(gap_json(Gap("a", 3, 7))) == {"topic": "a", "gap": [3, 6]}


def test_a_record_that_was_not_stored_says_so() -> None:
    assert strict(record_json(message(b"x", offset=None)))["offset"] is None
    assert record_line(message(b"x", offset=None)).endswith("  host/n1/cpu  unstored  x")


@pytest.mark.parametrize("time", [0, 2**63, 2**64 - 1])
def test_a_time_that_no_calendar_has_is_its_number(time: int) -> None:
    assert clock(time).startswith("19") or clock(time) == f"{time} ns" or clock(time).startswith("2")


@given(st.text())
def test_printable_text_stays_and_the_rest_is_escaped(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert shown == text or not text.isprintable()
