"""The API under ``/v1``: records in and out, lists, and what is refused."""

from __future__ import annotations

import base64
import gzip
import json
from datetime import UTC, datetime
from typing import Any

import msgpack
import pytest
from broker_process import BrokerProcess
from conftest import StartGateway
from gateway_process import JSON, NDJSON, GatewayProcess
from waiting import eventually

import mq


def lines(count: int) -> bytes:
    """Return so many records as NDJSON."""
    return b"".join(b'{"n":%d}\n' % number for number in range(count))


def bodies(page: Any) -> list[Any]:
    """Return the records of a page."""
    return [each["body"] for each in page["records"]]


def test_one_record_is_published_and_read_as_it_is(gateway: GatewayProcess, broker: BrokerProcess) -> None:
    made = gateway.publish("notes/a", b'{"a": [1, 2.50]}')
    assert made.status == 201
    assert made.json == {"topic": "notes/a", "records": 1, "durability": "durable", "offsets": [[0, 0]]}
    assert gateway.publish("notes%2Fa", b"x", {"Content-Type": "text/plain"}, "?durability=written").json[
        "offsets"
    ] == [[1, 1]]
    assert [each.body for each in mq.replay(broker.control, "notes/a")] == [b'{"a": [1, 2.50]}', b"x"]
    page = gateway.get("/v1/topics/notes/a/records")
    assert b'"body":{"a": [1, 2.50]}' in page.body
    assert page.json["records"][1]["text"] == "x"


def test_many_are_published_a_line_each_with_their_offsets(gateway: GatewayProcess) -> None:
    assert gateway.publish("many", lines(5_000), NDJSON).json["offsets"] == [[0, 4_999]]
    assert gateway.publish("many", b'1\r\n\n  \n"\xc3\xa4"', NDJSON).json["offsets"] == [[5_000, 5_001]]
    page = gateway.get("/v1/topics/many/records", offset=4_999).json
    assert bodies(page) == [{"n": 4_999}, 1, "ä"]


@pytest.mark.parametrize("line", [b"{", b"1 2", b"NaN", b'"\xff"', b"[1\n2]", b"'a'", b"[" * 99_999, b"1" * 5_000])
def test_a_line_that_is_no_json_is_named_and_nothing_is_stored(gateway: GatewayProcess, line: bytes) -> None:
    refused = gateway.publish("t", b"1\n2\n" + line + b"\n4\n", NDJSON)
    assert (refused.status, refused.problem) == (400, "bad-request")
    assert "line 3" in refused.json["detail"]
    assert gateway.get("/v1/topics/t/records").json["end"] == 0


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        ("application/json", b"{"),
        ("application/json", b""),
        ("application/problem+json", b"x"),
        ("application/json; charset=utf-8", b"\xff"),
        ("application/msgpack", b"\xc1"),
        ("application/msgpack", b"\x81\xa1a"),
        ("text/plain", b"\xff"),
        ("application/x-ndjson", b"\n \n"),
    ],
)
def test_a_body_that_is_not_what_it_says_is_400(gateway: GatewayProcess, media_type: str, body: bytes) -> None:
    refused = gateway.publish("t", body, {"Content-Type": media_type})
    assert (refused.status, refused.problem) == (400, "bad-request")


def test_msgpack_is_shown_as_json_and_what_is_neither_as_base64(gateway: GatewayProcess) -> None:
    sample = {"value": 1.5, "raw": b"\x00\xff", 7: [None, True, float("nan")]}
    packed = msgpack.packb(sample)
    for media_type, body in (("application/msgpack", packed), ("image/png", b"\x00\xff"), ("text/plain", b"a\nb")):
        assert gateway.publish("t", body, {"Content-Type": media_type}).status == 201
    first, second, third = gateway.get("/v1/topics/t/records").json["records"]
    assert first["body"] == {"value": 1.5, "raw": {"base64": "AP8="}, "7": [None, True, None]}
    assert (base64.b64decode(second["base64"]), "body" in second, "text" in second) == (b"\x00\xff", False, False)
    assert (base64.b64decode(third["base64"]), third["text"]) == (b"a\nb", "a\nb")


def test_pages_lead_from_one_to_the_next(gateway: GatewayProcess) -> None:
    gateway.publish("t", lines(250), NDJSON)
    target, found = "/v1/topics/t/records?limit=100", []
    while target:
        page = gateway.ask("GET", target)
        found += bodies(page.json)
        link = page.headers.get("Link", "")
        target = link.partition(">")[0].lstrip("<")
        assert page.json["more"] is bool(target)
    assert found == [{"n": number} for number in range(250)]


def test_a_page_ends_before_it_is_too_large(start_gateway: StartGateway) -> None:
    gateway = start_gateway(page_bytes_max="10000")
    gateway.publish("t", b"".join(b'"%s"\n' % (b"x" * 3_000) for _ in range(10)), NDJSON)
    page = gateway.get("/v1/topics/t/records").json
    assert (len(page["records"]), page["next"], page["more"]) == (4, 4, True)


def test_offsets_beyond_the_end_and_before_the_first_are_said(gateway: GatewayProcess, broker: BrokerProcess) -> None:
    gateway.publish("t", lines(3), NDJSON)
    beyond = gateway.get("/v1/topics/t/records", offset=10).json
    assert (beyond["records"], beyond["next"], beyond["more"]) == ([], 3, False)
    assert beyond["missing"] == [{"kind": "beyond", "first": 10, "next": 3}]
    at_the_end = gateway.get("/v1/topics/t/records", offset=3).json
    assert (at_the_end["records"], at_the_end["missing"], at_the_end["next"]) == ([], [], 3)
    assert gateway.get("/v1/topics/none/records", offset=0).json["end"] == 0
    with mq.client.link.Link(broker.control) as link:
        link.delete(["t"])
    gateway.publish("t", lines(1), NDJSON)
    trimmed = gateway.get("/v1/topics/t/records").json
    assert trimmed["missing"] == [{"kind": "trimmed", "first": 0, "next": 3}]
    assert [each["offset"] for each in trimmed["records"]] == [3]


def test_times_are_taken_in_the_forms_in_which_they_are_written(gateway: GatewayProcess) -> None:
    gateway.publish("t", b"1", JSON)
    moment = gateway.get("/v1/topics/t/records").json["records"][0]["time"]
    at = datetime.fromtimestamp(moment // 10**9, UTC)
    forms = [str(moment // 10**9), str(moment // 10**6), str(moment // 10**3), str(moment), "-1h"]
    forms += [
        at.isoformat(),
        at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        at.strftime("%Y-%m-%d %H:%M:%S"),
        at.strftime("%Y-%m-%d"),
    ]
    forms += [at.strftime("%a, %d %b %Y %H:%M:%S GMT"), at.strftime("%Y-%m-%dt%H:%M:%S.5-00:00").replace(".5", "")]
    for form in forms:
        assert len(gateway.get("/v1/topics/t/records", time=form).json["records"]) == 1, form
    assert gateway.ask("GET", f"/v1/topics/t/records?time={at.isoformat()}").status == 200  # its + unescaped
    later = {"time": str(moment + 10**9)}
    assert gateway.get("/v1/topics/t/records", **later).json["records"] == []
    assert gateway.get("/v1/topics/t/records", until=str(moment)).json["records"] == []
    for wrong in (
        "",
        "yesterday",
        "2026-13-01",
        "2026-02-30T00:00:00Z",
        "-15",
        "-1",
        "1e9",
        "99999999999999999999",
        "٣",
    ):
        refused = gateway.get("/v1/topics/t/records", time=wrong)
        assert (refused.status, refused.json["parameter"]) == (400, "time"), wrong


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "limit=x", "offset=-1", "offset=1.5", "limit=1&limit=2", "lmit=1"]
)
def test_a_parameter_that_cannot_be_is_400_and_named(gateway: GatewayProcess, query: str) -> None:
    refused = gateway.ask("GET", f"/v1/topics/t/records?{query}")
    assert (refused.status, refused.problem) == (400, "bad-request")
    assert query.partition("=")[0] in refused.json["detail"]


def test_last_values_topics_and_their_pages(gateway: GatewayProcess) -> None:
    for node in ("a", "b", "c"):
        gateway.publish(f"host/{node}/x", lines(2), NDJSON)
    last = gateway.ask("GET", "/v1/last?pattern=host/+/x").json
    assert (bodies(last), last["after"]) == ([{"n": 1}] * 3, None)
    first = gateway.get("/v1/last", pattern="host/#", limit=2).json
    assert [each["topic"] for each in first["records"]] == ["host/a/x", "host/b/x"]
    rest = gateway.get("/v1/last", pattern="host/#", limit=2, after=first["after"]).json
    assert [each["topic"] for each in rest["records"]] == ["host/c/x"]
    (one,) = gateway.get("/v1/topics", pattern="host/b/#").json["topics"]
    assert (one["records"], one["first_offset"], one["last_offset"], one["next_offset"]) == (2, 0, 1, 2)
    assert 0 < one["first_time"] <= one["last_time"]
    assert one["bytes"] > 0
    page = gateway.get("/v1/topics", limit=1).json
    assert [page["topics"][0]["topic"], page["after"]] == ["host/a/x", "host/a/x"]
    assert gateway.get("/v1/topics", pattern="a/#/b").status == 400


def test_consumers_with_their_lag(gateway: GatewayProcess) -> None:
    gateway.publish("t", lines(5), NDJSON)
    gateway.consume("t", "c")
    (row,) = gateway.get("/v1/consumers").json["consumers"]
    assert row["members"][0].startswith("gateway ")
    assert (row["consumer"], row["shared"], row["topics"], row["lag"]) == ("c", False, 1, 4)
    (place,) = gateway.get("/v1/consumers/c").json["topics"]
    assert place == {"topic": "t", "position": 1, "lag": 4, "open": 0, "trimmed": False}
    assert gateway.get("/v1/consumers/none").problem == "not-found"
    assert eventually(lambda: gateway.get("/v1/consumers").json["consumers"][0]["members"] == [])


def test_answers_and_bodies_are_compressed_where_both_sides_can(gateway: GatewayProcess) -> None:
    packed = gzip.compress(lines(1_000))
    assert gateway.publish("t", packed, {**NDJSON, "Content-Encoding": "gzip"}).json["records"] == 1_000
    target = "/v1/topics/t/records?limit=1000"
    plain = gateway.ask("GET", target)
    zipped = gateway.ask("GET", target, headers={"Accept-Encoding": "br, gzip;q=0.5"})
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(zipped.body) == plain.body
    assert len(zipped.body) < len(plain.body) / 5
    for refusing in ("", "br", "gzip;q=0"):
        assert gateway.ask("GET", target, headers={"Accept-Encoding": refusing}).headers["Content-Encoding"] is None
    for wrong in (packed[:-1], packed + packed, b"x"):
        assert gateway.publish("t", wrong, {**NDJSON, "Content-Encoding": "gzip"}).status == 400
    assert gateway.publish("t", b"x", {"Content-Encoding": "br"}).status == 415


def test_a_record_that_no_frame_takes_is_413(gateway: GatewayProcess) -> None:
    refused = gateway.publish("t", json.dumps("x" * (1 << 20)).encode())
    assert (refused.status, refused.problem) == (413, "too-large")


def test_records_that_the_broker_has_no_room_for_are_507(start_broker: Any, tmp_path: Any) -> None:
    broker = start_broker(MINIMQ_TOPICS_MAX="1")
    gateway = GatewayProcess(tmp_path, broker.control)
    try:
        assert gateway.publish("a", b"1").status == 201
        refused = gateway.publish("b", b"1")
        assert (refused.status, refused.problem, refused.json["reason"]) == (507, "full", "too_many_topics")
    finally:
        gateway.kill()


def test_a_head_is_told_what_a_get_would_be_and_a_stream_has_none(gateway: GatewayProcess) -> None:
    gateway.publish("t", b"1")
    for target in ("/v1/topics/t/records", "/v1/topics", "/healthz", "/readyz", "/docs", "/openapi.json"):
        told = gateway.ask("HEAD", target)
        assert (told.status, told.body) == (200, b""), target
        assert told.headers["Content-Length"] == gateway.ask("GET", target).headers["Content-Length"]
    assert gateway.ask("HEAD", "/v1/stream").status == 405
    assert gateway.ask("HEAD", "/v1/none").status == 404


def test_who_looks_at_the_bare_address_is_led_to_the_docs(gateway: GatewayProcess) -> None:
    led = gateway.get("/")
    assert (led.status, led.headers["Location"]) == (307, "/docs")


def test_what_there_is_not_and_what_is_not_done_are_problems(gateway: GatewayProcess) -> None:
    assert gateway.get("/v1/none").problem == "not-found"
    assert gateway.get("/v1/topics/a//b/records").problem == "bad-request"
    refused = gateway.ask("PUT", "/v1/topics/a/records", b"1")
    assert (refused.problem, refused.headers["Allow"]) == ("method-not-allowed", "POST, GET, HEAD")
    assert gateway.publish("_mq/x", b"1").problem == "reserved-topic"


def test_pages_of_other_hosts_may_not_ask_and_those_of_this_one_may_read(start_gateway: StartGateway) -> None:
    gateway = start_gateway("--origin", "metrics.example")
    for origin in ("http://evil.example", "null", "http://[", "http://127.0.0.1.evil.example"):
        refused = gateway.ask("POST", "/produce", b'{"topic": "t", "message": "m"}', {"Origin": origin})
        assert (refused.status, refused.problem) == (403, "foreign-origin")
    for origin in ("http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:1", "https://metrics.example"):
        admitted = gateway.ask("GET", "/nodes", headers={"Origin": origin})
        assert (admitted.status, admitted.headers["Access-Control-Allow-Origin"]) == (200, origin)
    assert gateway.get("/v1/topics/t/records").json["end"] == 0


def test_a_page_on_another_port_may_send_json_and_read_what_goes_wrong(gateway: GatewayProcess) -> None:
    origin = {"Origin": "http://localhost:8080"}
    wish = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    asked = gateway.ask("OPTIONS", "/v1/topics/t/records", headers={**origin, **wish})
    assert (asked.status, asked.headers["Access-Control-Allow-Methods"]) == (204, "POST, GET, HEAD")
    assert "Content-Type" in asked.headers["Access-Control-Allow-Headers"]
    refused = gateway.publish("t", b"{", {**JSON, **origin})
    assert (refused.status, refused.headers["Access-Control-Allow-Origin"]) == (400, "http://localhost:8080")
    assert (
        gateway.ask("OPTIONS", "/v1/topics/t/records", headers=wish | {"Origin": "http://evil.example"}).status == 403
    )
