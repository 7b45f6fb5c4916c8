"""Control messages: every kind, made from its own fields, both ways; and all that is none."""

from __future__ import annotations

from dataclasses import MISSING, Field, fields
from operator import itemgetter
from pathlib import Path
from typing import Any

import msgpack
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mq import protocol
from mq.errors import BadMessage
from mq.frame import encode
from mq.protocol import (
    COUNT_MAX,
    PATTERNS_MAX,
    REPORT_TOPICS_MAX,
    TOPICS_MAX,
    Control,
    Failure,
    Fetch,
    Heads,
    Hello,
    Nack,
    decode,
    is_request,
)

KINDS: list[type[Control]] = [
    kind
    for kind in vars(protocol).values()
    if isinstance(kind, type) and issubclass(kind, Control) and kind is not Control
]
U64 = 2**64 - 1
PAGE = (Path(__file__).parents[1] / "docs" / "wire.md").read_text("utf-8")

REPORT = {"name": "n1:7", "number": 1, "lag": 0, "repaired": 0, "lost": 0, "topics": [["a", 1]]}
BAD_ROWS: list[Any] = [None, {}, "a", [None], [[]], [["a"]], [["a", 1, 2]], [["a", -1]]]
BAD_REPORTS: list[dict[str, Any]] = [
    *({key: it for key, it in REPORT.items() if key != missing} for missing in REPORT),
    *({**REPORT, "name": name} for name in (None, 1, "", "x" * 101, "a\nb", "x" * 60_000, b"a")),
    *({**REPORT, key: it} for key in ("number", "lag", "repaired", "lost") for it in (None, -1, 1.5, True, "1")),
    *({**REPORT, "topics": rows} for rows in BAD_ROWS),
    *({**REPORT, "topics": rows} for rows in ([[1, 1]], [["x" * 201, 1]], [["a", True]], [["a", 1]] * 10_000)),
    *({**REPORT, key: COUNT_MAX + 1} for key in ("lag", "repaired", "lost")),
    {**REPORT, "topics": [["a", COUNT_MAX + 1]]},
    {**REPORT, "more": "x" * 60_000},
]

GOOD: dict[str, list[Any]] = {
    "int": [0, 1, 127, 128, 2**32, U64],
    "int | None": [None, 0, U64],
    "str": ["", "a", "é", "x" * 300],
    "str | None": [None, "", "a"],
    "bytes": [b"", b"a", bytes(300)],
    "bool": [True, False],
    "Patterns": [["a"], ["#", "+/b"], ["a"] * PATTERNS_MAX],
    "TopicNames": [["a"], ["a/b", "c"], ["a"] * TOPICS_MAX],
    "list[Any]": [[], [["a", 1, 2]], [None]],
    "dict[str, Any]": [{}, {"a": 1}, {"a": {"b": [1]}}],
    "Report | None": [
        None,
        REPORT,
        {**REPORT, "topics": [["x" * 200, COUNT_MAX]] * REPORT_TOPICS_MAX, "lag": COUNT_MAX},
    ],
}
WRONG: dict[str, list[Any]] = {
    "int": [None, -1, 1.0, True, "1", b"1", [], {}],
    "int | None": [-1, 1.0, False, "1", []],
    "str": [None, 1, b"a", ["a"], True],
    "str | None": [1, b"a", ["a"], False],
    "bytes": [None, "a", 1, [1]],
    "bool": [None, 0, 1, "true", b""],
    "Patterns": [None, "a", b"a", [], [1], [b"a"], ["a", None], [["a"]], {}, {"a": 1}, ["a"] * (PATTERNS_MAX + 1)],
    "TopicNames": [None, "a", [], [1], [b"a"], {"a": 1}, ["a"] * (TOPICS_MAX + 1)],
    "list[Any]": [None, "a", b"a", 1, {}],
    "dict[str, Any]": [None, [], "a", 1, {b"a": 1}, {"a": 1, b"b": 2}],
    "Report | None": [[], "a", 1, {}, *BAD_REPORTS],
}
ON_THE_PAGE = {
    "int": "uint",
    "int | None": "uint or nil",
    "str": "str",
    "str | None": "str or nil",
    "bytes": "bin",
    "bool": "bool",
    "Patterns": "patterns",
    "TopicNames": "topics",
    "list[Any]": "array",
    "dict[str, Any]": "map",
    "Report | None": "report or nil",
}
PLAIN: dict[str, Any] = {name: values[0] for name, values in GOOD.items()}

leaves = st.none() | st.booleans() | st.integers(-(2**63), U64) | st.text(max_size=5) | st.binary(max_size=5)
anything = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
u64 = st.integers(0, U64)
counts = st.integers(0, COUNT_MAX)
reports = st.fixed_dictionaries(
    {
        "name": st.text("abc :-", min_size=1, max_size=100),
        "number": u64,
        **dict.fromkeys(("lag", "repaired", "lost"), counts),
        "topics": st.lists(st.tuples(st.text(max_size=200), counts).map(list), max_size=REPORT_TOPICS_MAX),
    }
)
STRATEGIES: dict[str, st.SearchStrategy[Any]] = {
    "int": u64,
    "int | None": st.none() | u64,
    "str": st.text(max_size=20),
    "str | None": st.none() | st.text(max_size=20),
    "bytes": st.binary(max_size=300),
    "bool": st.booleans(),
    "Patterns": st.lists(st.text(max_size=20), min_size=1, max_size=5),
    "TopicNames": st.lists(st.text(max_size=20), min_size=1, max_size=5),
    "list[Any]": st.lists(anything, max_size=4),
    "dict[str, Any]": st.dictionaries(st.text(max_size=5), anything, max_size=4),
    "Report | None": st.none() | reports,
}


def type_of(spec: Field[Any]) -> str:
    assert isinstance(spec.type, str)
    return spec.type


def plain(kind: type[Control]) -> dict[str, Any]:
    return {"op": kind.OP, **{spec.name: PLAIN[type_of(spec)] for spec in fields(kind)}}


def messages_of(kind: type[Control]) -> st.SearchStrategy[Control]:
    return st.builds(kind, **{spec.name: STRATEGIES[type_of(spec)] for spec in fields(kind)})


EVERY_FIELD = [(kind, spec) for kind in KINDS for spec in fields(kind)]
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.OP)
every_field = pytest.mark.parametrize(
    ("kind", "spec"), EVERY_FIELD, ids=[f"{kind.OP}-{spec.name}" for kind, spec in EVERY_FIELD]
)


@every_kind
def test_a_message_comes_back_as_it_went_in(kind: type[Control]) -> None:
    values = plain(kind)
    message = kind(**{name: it for name, it in values.items() if name != "op"})
    assert msgpack.unpackb(message.encode()) == values
    assert decode(message.encode()) == message


@every_field
def test_a_field_takes_each_value_of_its_type(kind: type[Control], spec: Field[Any]) -> None:
    for it in GOOD[type_of(spec)]:
        message = decode(msgpack.packb(plain(kind) | {spec.name: it}))
        assert getattr(message, spec.name) == it


@every_field
def test_a_field_takes_no_value_of_another_type(kind: type[Control], spec: Field[Any]) -> None:
    for it in WRONG[type_of(spec)]:
        with pytest.raises(BadMessage, match=f"^{kind.OP}: '{spec.name}' is not "):
            decode(msgpack.packb(plain(kind) | {spec.name: it}))


@every_field
def test_a_field_left_out_is_its_default_or_the_message_is_refused(kind: type[Control], spec: Field[Any]) -> None:
    values = plain(kind)
    del values[spec.name]
    if spec.default is MISSING:
        with pytest.raises(BadMessage, match=f"^{kind.OP} needs '{spec.name}'"):
            decode(msgpack.packb(values))
    else:
        assert getattr(decode(msgpack.packb(values)), spec.name) == spec.default


@every_kind
def test_a_key_that_a_later_version_adds_is_ignored(kind: type[Control]) -> None:
    values = plain(kind)
    assert decode(msgpack.packb(values | {"later": [1]})) == decode(msgpack.packb(values))


@every_kind
def test_the_order_of_the_keys_makes_no_difference(kind: type[Control]) -> None:
    values = plain(kind)
    assert decode(msgpack.packb(dict(reversed(values.items())))) == decode(msgpack.packb(values))


@every_kind
def test_a_message_is_never_taken_for_a_frame(kind: type[Control]) -> None:
    values = plain(kind)
    assert is_request(msgpack.packb(values))
    assert is_request(msgpack.packb(values | {str(number): 0 for number in range(70_000)}))


@every_kind
def test_a_message_cut_at_any_length_is_refused(kind: type[Control]) -> None:
    message = msgpack.packb(plain(kind))
    for cut in range(len(message)):
        with pytest.raises(BadMessage):
            decode(message[:cut])
    with pytest.raises(BadMessage):
        decode(message + b"\0")


@every_kind
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_every_message_comes_back_as_it_went_in(kind: type[Control], data: st.DataObject) -> None:
    message = data.draw(messages_of(kind))
    assert decode(message.encode()) == message
    assert is_request(message.encode())


@pytest.mark.parametrize("topic", ["a", "0", "-", "_", "z" * 200])
def test_a_frame_is_never_taken_for_a_message(topic: str) -> None:
    assert not is_request(encode(topic, [b"\xff"], produced=0))


@pytest.mark.parametrize(("message", "expected"), [(b"", False), (b"\x7f", False), (b"\x80", True), (b"\xff", True)])
def test_the_first_byte_tells_messages_from_frames_and_nothing_is_no_message(message: bytes, expected: bool) -> None:
    assert is_request(message) is expected


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\0",
        b"\xc1",
        b"\xff",
        msgpack.packb(None),
        msgpack.packb(7),
        msgpack.packb("hello"),
        msgpack.packb(["op", "hello"]),
        msgpack.packb({}),
        msgpack.packb({"id": 1}),
        msgpack.packb({"op": None, "id": 1}),
        msgpack.packb({"op": 1, "id": 1}),
        msgpack.packb({"op": b"hello", "id": 1}),
        msgpack.packb({"op": ["hello"], "id": 1}),
        msgpack.packb({"op": {"hello": 1}, "id": 1}),
        msgpack.packb({b"op": "hello", "id": 1}),
        msgpack.packb({"op": "", "id": 1}),
        msgpack.packb({"op": "Hello", "id": 1}),
        msgpack.packb({"op": "hello ", "id": 1}),
        msgpack.packb({"op": "control", "id": 1}),
        msgpack.packb({"op": "x" * 10_000, "id": 1}),
        msgpack.packb({1: "hello", "id": 1}),
        b"\x82\xa2op\xa5hell\xff\xa2id\x01",
        b"\x82\xa2op\xa5hello\xa2id\xd6\xff\0\0\0\0",
        b"\x81\xa2op" + b"\x91" * 1000 + b"\xc0",
        b"\x81\xa2op" + b"\x81\xa0" * 1000 + b"\xc0",
        b"\x81" * 5000,
        b"\xdf\xff\xff\xff\xff",
        b"\xdd\xff\xff\xff\xff",
        b"\x81\xa2op\xdb\xff\xff\xff\xff",
    ],
    ids=lambda message: message[:12].hex(),
)
def test_what_is_no_message_is_refused_in_few_words(message: bytes) -> None:
    with pytest.raises(BadMessage) as caught:
        decode(message)
    assert len(str(caught.value)) < 200


@settings(deadline=None, max_examples=500)
@given(
    st.binary(max_size=80)
    | anything.map(msgpack.packb)
    | st.fixed_dictionaries(
        {"op": st.sampled_from([kind.OP for kind in KINDS]) | anything}, optional={"id": anything}
    ).map(msgpack.packb)
)
@example(b"\x82\xa2op\xa5stats\xa2id\xd7\xff\xff\xff\xff\xff\xff\xff\xff\xff")
@example(b"\x81\xc4\x01a\xc0")
def test_whatever_arrives_is_a_message_or_refused_and_nothing_else(message: bytes) -> None:
    try:
        decoded = decode(message)
    except BadMessage:
        return
    assert decode(decoded.encode()) == decoded


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(EVERY_FIELD), anything)
def test_a_field_of_any_value_is_kept_as_it_is_or_refused(place: tuple[type[Control], Field[Any]], it: Any) -> None:
    kind, spec = place
    try:
        message = decode(msgpack.packb(plain(kind) | {spec.name: it}))
    except BadMessage:
        return
    kept = getattr(message, spec.name)
    assert (type(kept), kept) == (type(it), it)


def test_each_operation_has_one_name() -> None:
    assert len(KINDS) == len({kind.OP for kind in KINDS}) == 38


def test_what_a_client_may_leave_out_has_the_documented_default() -> None:
    assert decode(msgpack.packb({"op": "hello", "id": 3})) == Hello(3, protocol=1)
    fetch = decode(msgpack.packb({"op": "fetch", "id": 4, "topic": "a", "offset": 5}))
    assert fetch == Fetch(4, "a", 5, epoch=None, credit=4 << 20)
    assert decode(msgpack.packb({"op": "heads", "id": 5, "patterns": ["#"]})) == Heads(5, ["#"], since=0, after=None)


def test_facts_of_two_messages_are_not_shared() -> None:
    assert Failure(1, "busy", "").facts is not Failure(1, "busy", "").facts


def test_a_nack_of_what_could_not_be_read_names_no_topic() -> None:
    assert decode(Nack(0, "not_a_frame", "why").encode()) == Nack(0, "not_a_frame", "why", None, 0, 0)


def test_a_message_cannot_be_changed_after_it_was_made() -> None:
    with pytest.raises(AttributeError):
        Hello(1).id = 2  # type: ignore[misc]


def rows_of_the_page(heading: str) -> list[list[str]]:
    table = PAGE.split(f"### {heading}\n", 1)[1].split("\n| ", 1)[1].split("\n\n", 1)[0]
    return [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def test_the_page_of_the_wire_lists_every_message_with_its_fields_types_and_defaults() -> None:
    listed = rows_of_the_page("What a client asks") + rows_of_the_page("What the broker answers")
    expected = [row for kind in KINDS for row in expected_rows(kind)]
    by_message = itemgetter(0)  # the page has them in an order for readers; each one's fields stand in theirs
    assert sorted((row[:4] for row in listed), key=by_message) == sorted(expected, key=by_message)


def expected_rows(kind: type[Control]) -> list[list[str]]:
    own = [spec for spec in fields(kind) if spec.name != "id"]
    return [[kind.OP, spec.name, ON_THE_PAGE[type_of(spec)], default_of(spec)] for spec in own] or [
        [kind.OP, "", "", ""]
    ]


def default_of(spec: Field[Any]) -> str:
    if spec.default is MISSING:
        return ""
    return "nil" if spec.default is None else str(spec.default).lower()
