"""The gateway's own formats, without any gateway: names, samples, bodies, lines, times, ids."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mq.client.cursor import NO_END
from mq.client.message import Message
from mq.errors import BadTopic, NotStored, TooLarge
from mq.gateway.bodies import is_json, record_json
from mq.gateway.cursor import BadCursor, Cursor, decode
from mq.gateway.limits import Limits
from mq.gateway.lines import FRAME_BYTES, FRAME_RECORDS_MAX, BadBody, TooManyLines, frames_of, records_of
from mq.gateway.moments import BadTime, moment_of
from mq.gateway.names import Place, place_of
from mq.gateway.problems import AWAY, problem_of
from mq.gateway.publishing import PartlyStored
from mq.gateway.samples import message_of, sample_of

TOPICS = st.from_regex(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,10}(/[A-Za-z0-9_-][A-Za-z0-9_.-]{0,10}){0,3}", fullmatch=True)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
LEAVES = st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | TEXT


def nested(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return lists and maps of these."""
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=10
    )


JSON = nested(LEAVES | st.integers())
PACKABLE = nested(LEAVES | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.binary())


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("n1-cpu", Place("host/n1/cpu", "n1", "cpu")),
        ("a-b-mem", Place("host/a-b/mem", "a-b", "mem")),
        ("n1--net", Place("host/n1-/net", "n1-", "net")),
        ("cpu", Place("cpu")),
        ("-cpu", Place("-cpu")),
        ("n1-gpu", Place("n1-gpu")),
        ("a/b-cpu", Place("a/b-cpu")),
        ("host/n1/cpu", Place("host/n1/cpu")),
    ],
)
def test_old_names_lead_to_topics(name: str, place: Place) -> None:
    assert place_of(name) == place


@given(st.text())
def test_any_name_leads_to_a_topic_or_is_refused_by_its_own_name(name: str) -> None:
    try:
        place = place_of(name)
    except BadTopic as error:
        place = Place(error.topic)
    assert place.topic in (name, f"host/{place.node}/{place.metric}")


@given(TEXT | st.floats().map(str) | st.integers().map(str))
def test_every_message_for_a_metric_comes_back_verbatim(message: str) -> None:
    assert message_of(sample_of(message, "n", "cpu", 1), sampled=True) == message


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**50), 2**50))
def test_every_number_becomes_a_sample_of_that_value(value: float) -> None:
    sample = msgpack.unpackb(sample_of(str(value), "n", "net", 7))
    assert sample == {"time": 7, "node": "n", "metric": "net", "value": value, "unit": "B/s"}
    assert type(sample["value"]) is type(value)


@given(st.binary(), st.booleans())
def test_any_bytes_are_some_text_to_an_old_consumer(body: bytes, sampled: bool) -> None:
    json.dumps(message_of(body, sampled=sampled)).encode()


def test_a_map_is_a_number_only_where_samples_are() -> None:
    body = msgpack.packb({"value": 3, "id": 7})
    assert message_of(body, sampled=True) == "3"
    assert message_of(body, sampled=False) == '{"value":3,"id":7}'


def test_what_is_stored_before_something_goes_wrong_is_told() -> None:
    problem = problem_of(PartlyStored([(0, 4), (7, 7)], 10, NotStored("send", 5, "no broker")))
    assert (problem.kind, problem.more) == (AWAY, {"stored": [[0, 4], [7, 7]]})
    assert problem.detail.startswith("6 of 10 records are stored, then: send: no answer within 5 s")


@given(st.binary() | PACKABLE.map(msgpack.packb) | JSON.map(json.dumps).map(str.encode))
def test_any_record_is_one_line_of_json(body: bytes) -> None:
    text = record_json(Message("t", 1, 2, 3, body))
    assert "\n" not in text
    shown = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert shown.keys() & {"body", "base64"}


@given(JSON)
def test_json_is_shown_as_what_it_is(it: Any) -> None:
    assert json.loads(record_json(Message("t", 1, 2, 3, json.dumps(it, indent=1).encode())))["body"] == it


@given(
    st.text()
    | JSON.map(json.dumps)
    | st.tuples(JSON.map(json.dumps), st.sampled_from([" ", "\n", "x", ","])).map("".join)
)
def test_what_is_json_is_what_pythons_own_reader_takes_but_for_nan(text: str) -> None:
    def refuse(name: str) -> None:
        raise ValueError(name)

    try:
        json.loads(text, parse_constant=refuse)
        taken = True
    except (ValueError, RecursionError):
        taken = False
    assert is_json(text) is taken


@given(
    st.lists(JSON.map(lambda it: json.dumps(it, ensure_ascii=False)), min_size=1),
    st.sampled_from(["\n", "\r\n", "\n\n"]),
)
def test_each_line_is_a_record_as_it_stands(lines: list[str], between: str) -> None:
    body = between.join(lines).encode()
    assert records_of(body, "application/x-ndjson", Limits()) == [line.encode() for line in lines]


@given(
    st.binary(),
    st.sampled_from(["application/x-ndjson", "application/json", "application/msgpack", "text/plain", "x/y"]),
)
def test_any_body_is_records_or_is_refused(body: bytes, media_type: str) -> None:
    try:
        assert records_of(body, media_type, Limits())
    except BadBody:
        assert media_type != "x/y"


@given(
    st.lists(
        st.integers(0, FRAME_BYTES * 2).map(lambda size: min(size, 5) * b"x" if size % 7 else size * b"x"), min_size=1
    )
)
def test_frames_hold_all_records_in_order_and_not_too_many(records: list[bytes]) -> None:
    frames = list(frames_of(records))
    assert [record for frame in frames for record in frame] == records
    for frame in frames:
        assert 1 <= len(frame) <= FRAME_RECORDS_MAX
        assert len(frame) == 1 or sum(map(len, frame)) <= FRAME_BYTES


@given(st.datetimes(datetime(1970, 1, 1), datetime(2500, 1, 1), timezones=st.timezones()))
def test_a_time_in_iso_8601_is_that_time(moment: datetime) -> None:
    wanted = (moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1e9
    for text in (moment.isoformat(), moment.isoformat(" "), moment.isoformat().replace("+", " ")):
        assert math.isclose(moment_of(text), max(0, wanted), rel_tol=1e-12, abs_tol=2_000)


@given(st.text())
def test_any_text_is_a_time_or_is_refused(text: str) -> None:
    try:
        moment = moment_of(text)
    except BadTime as error:
        moment = len(error.text) - len(text)
    assert 0 <= moment < 2**64


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1795489920", 1795489920 * 10**9),
        ("1795489920.25", 1795489920 * 10**9 + 250_000_000),
        ("1795489920123", 1795489920123 * 10**6),
        ("1795489920123456", 1795489920123456 * 10**3),
        ("1795489920123456789", 1795489920123456789),
        ("0", 0),
        ("1969-12-31", 0),
        ("9999-12-31T23:59:59Z", NO_END),
        ("2016-12-31T23:59:60Z", 1483228800 * 10**9),
        ("Tue, 24 Nov 2026 03:12:00 GMT", 1795489920 * 10**9),
    ],
)
def test_times_in_other_forms(text: str, moment: int) -> None:
    assert moment_of(text) == moment


@given(
    st.integers(0, NO_END),
    st.booleans(),
    st.dictionaries(TOPICS, st.tuples(st.integers(0, NO_END - 1), st.none() | st.integers(1, 2**32 - 1)), max_size=5),
)
def test_an_id_leads_back_to_where_it_was_made(
    start: int, by_time: bool, positions: dict[str, tuple[int, int | None]]
) -> None:
    cursor = Cursor(start, by_time, positions)
    assert decode(cursor.encode(), 5) == cursor


@given(st.text() | st.from_regex(r"[to]\d{1,21}( \S+@\d{1,21}\.\d{1,11}){0,3}", fullmatch=True))
def test_any_other_id_is_refused_or_means_itself(text: str) -> None:
    try:
        cursor = decode(text, 3)
    except BadCursor:
        return
    assert decode(cursor.encode(), 3) == cursor


def test_an_id_of_too_many_topics_is_refused() -> None:
    with pytest.raises(BadCursor, match="names 2 topics, and 1 is the most"):
        decode("o0 a@1.1 b@1.1", 1)


@pytest.mark.parametrize(
    ("body", "media_type", "error"),
    [
        (b"[" * 2_000, "application/json", TooLarge),
        (b"\x90" * 2_000, "application/msgpack", TooLarge),
        (b"1\n" + b"2" * 2_000, "application/x-ndjson", TooLarge),
        (b"1\n" * 11, "application/x-ndjson", TooManyLines),
    ],
)
def test_what_is_too_large_is_not_looked_into(body: bytes, media_type: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        records_of(body, media_type, Limits(record_bytes_max=1_024, lines_max=10))
