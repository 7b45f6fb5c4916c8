"""Requests: which are answered at once, which become jobs, and how many may wait."""

from __future__ import annotations

from typing import Any

import msgpack
import pytest

from mq.broker.control import Desk, Job, welcome
from mq.broker.counters import Counters
from mq.config import Config
from mq.protocol import Fetch, Frames, Heads, Last, OffsetAt, Topics

PORTS = {"ingest": 1, "live": 2, "control": 3, "ops": 4}
CONFIG = Config(requests_waiting_max=5, requests_per_client_max=3)
ANN, BOB, EVE = b"ann", b"bob", b"eve"
JOBS = [Fetch(1, "a", 0), Last(1, ["#"]), Heads(1, ["#"]), Topics(1, ["+/b"]), OffsetAt(1, "a", 5)]


@pytest.fixture
def counters() -> Counters:
    return Counters()


@pytest.fixture
def desk(counters: Counters) -> Desk:
    return Desk(CONFIG, counters, welcome(CONFIG, 9, PORTS, "broker.example"))


def pack(**fields: Any) -> bytes:
    packed: bytes = msgpack.packb(fields)
    return packed


def answer(desk: Desk, message: bytes, client: bytes = ANN) -> dict[str, Any]:
    found = desk.handle(client, message)
    assert isinstance(found, bytes)
    opened: dict[str, Any] = msgpack.unpackb(found)
    return opened


@pytest.mark.parametrize("request_", JOBS, ids=lambda it: it.OP)
def test_what_needs_the_journal_becomes_a_job(desk: Desk, request_: Fetch) -> None:
    assert desk.handle(ANN, request_.encode()) == Job(ANN, request_)


def test_hello_is_answered_with_what_the_broker_is(desk: Desk) -> None:
    found = answer(desk, pack(op="hello", id=77))
    software = found.pop("software")
    assert software.startswith("minimq ")
    assert found == {
        "op": "welcome",
        "id": 77,
        "protocol": 1,
        "epoch": 9,
        **PORTS,
        "frame_bytes_max": CONFIG.frame_bytes_max,
        "host": "broker.example",
    }


def test_stats_are_the_counters(desk: Desk, counters: Counters) -> None:
    counters.frames_received = 3
    counters.refuse("ingest", "bad_topic")
    counters.refuse("ingest", "bad_topic")
    counters.refuse("control", "busy")
    stats = answer(desk, pack(op="stats", id=1))["stats"]
    assert stats["frames_received"] == 3
    assert stats["requests"] == 1
    assert stats["refused"] == {"ingest": {"bad_topic": 2}, "control": {"busy": 1}}


BAD = {
    "not msgpack": b"\xc1",
    "cut off": pack(op="hello", id=1)[:-1],
    "two maps": pack(op="hello", id=1) + pack(op="hello", id=1),
    "an array": msgpack.packb([1, 2]),
    "a string": b"\xa5hello",
    "an empty map": b"\x80",
    "no operation": pack(op="shout", id=1),
    "an operation that is a number": pack(op=1, id=1),
    "an operation that is a list": pack(op=["hello"], id=1),
    "no number": pack(op="hello"),
    "a pattern outside the grammar": pack(op="heads", id=1, patterns=["a//b"]),
    "a pattern of a megabyte": pack(op="heads", id=1, patterns=["a" * (1 << 20)]),
    "an answer": Frames(1, "a", b"", 0, 0, 0).encode(),
    "an array that announces billions": b"\x81\xa2op\xdd\xff\xff\xff\xff",
    "a map that announces billions": b"\xdf\xff\xff\xff\xff",
    "text that is none": b"\x82\xa2op\xa5hell\xff\xa2id\x01",
    "nested without end": b"\x81\xa2op" + b"\x91" * 100_000,
}


@pytest.mark.parametrize("message", BAD.values(), ids=BAD)
def test_what_cannot_be_understood_is_refused_and_counted(desk: Desk, counters: Counters, message: bytes) -> None:
    found = answer(desk, message)
    assert (found["op"], found["error"]) == ("failure", "bad_request")
    assert found["detail"]
    assert counters.requests == counters.requests_refused == 1


@pytest.mark.parametrize(("number", "said"), [(5, 5), (0, 0), (2**64 - 1, 2**64 - 1), (-1, 0), ("5", 0), (None, 0)])
def test_a_refusal_repeats_the_number_where_there_is_one(desk: Desk, number: object, said: int) -> None:
    assert answer(desk, pack(op="shout", id=number))["id"] == said


def test_a_huge_request_is_refused_without_being_unpacked(desk: Desk) -> None:
    """Four MiB of tiny lists would take the proxy's thread the better part of a second."""
    found = answer(desk, b"\x83\xa2op\xa5stats\xa2id\x01\xa1x\xdd\x00\x3f\xff\x00" + b"\x90" * 0x3FFF00)
    assert (found["error"], found["id"]) == ("bad_request", 0)


def test_one_client_may_have_so_many_waiting_and_another_is_not_hurt(desk: Desk, counters: Counters) -> None:
    request = Fetch(1, "a", 0).encode()
    for _ in range(CONFIG.requests_per_client_max):
        assert isinstance(desk.handle(ANN, request), Job)
    busy = answer(desk, Fetch(8, "a", 0).encode())
    assert (busy["op"], busy["error"], busy["id"]) == ("failure", "busy", 8)
    assert (counters.requests_refused, counters.busy["requests"]) == (1, 1)
    assert isinstance(desk.handle(BOB, request), Job)
    assert answer(desk, pack(op="stats", id=1))["op"] == "stats_report"
    desk.finished(ANN)
    assert isinstance(desk.handle(ANN, request), Job)


def test_all_clients_together_may_have_so_many_waiting(desk: Desk) -> None:
    request = Fetch(1, "a", 0).encode()
    for client in (ANN, ANN, ANN, BOB, BOB):
        assert isinstance(desk.handle(client, request), Job)
    assert answer(desk, request, EVE)["error"] == "busy"
    desk.finished(BOB)
    assert isinstance(desk.handle(EVE, request), Job)


def test_clients_that_are_done_are_forgotten(desk: Desk) -> None:
    for number in range(1_000):
        client = b"%d" % number
        assert isinstance(desk.handle(client, Fetch(1, "a", 0).encode()), Job)
        desk.finished(client)
    assert len(desk._waiting) == 0
