"""A broker that is away: said at once, and over as soon as it is back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from signal import SIGCONT, SIGSTOP

from broker_process import BrokerProcess
from conftest import StartGateway
from gateway_process import Answer, GatewayProcess
from waiting import eventually

ROUTES = (
    *("/consume?topic=t&consumer_id=c", "/nodes", "/v1/topics", "/v1/topics/t/records", "/v1/last"),
    *("/v1/consumers", "/v1/consumers/c", "/v1/stream"),
)


def assert_away(answer: Answer) -> None:
    """Check that the broker is said to be away, and when to come again."""
    assert (answer.status, answer.problem) == (503, "broker-away")
    assert answer.headers["Retry-After"] == "1"
    assert "no broker answers at tcp://" in answer.json["detail"]


def test_everything_says_so_and_recovers(gateway: GatewayProcess, broker: BrokerProcess) -> None:
    gateway.produce("t", "0")
    assert gateway.consume("t", "c").json["offset"] == 0
    broker.kill()
    eventually(lambda: gateway.get("/readyz").status == 503)
    why = gateway.get("/readyz").json
    assert why["status"] == "failed"
    assert broker.control in why["why"]["broker"]
    assert gateway.get("/healthz").json == {"status": "alive"}
    for target in ROUTES:
        assert_away(gateway.ask("GET", target))
    assert_away(gateway.produce("t", "1"))
    assert_away(gateway.publish("t", b"1"))
    broker.restart()
    eventually(lambda: gateway.get("/readyz").status == 200)
    assert gateway.get("/readyz").json == {"status": "ready"}
    assert gateway.produce("t", "2").status == 201
    assert [gateway.consume("t", "c").json["message"]] == ["2"]
    for target in ("/nodes", "/v1/topics", "/v1/last", "/v1/consumers", "/v1/topics/t/records"):
        assert gateway.ask("GET", target).status == 200


def test_a_broker_that_hangs_is_no_reason_to_wait_for_ever(start_gateway: StartGateway, broker: BrokerProcess) -> None:
    gateway = start_gateway(answer_s_max="1")
    gateway.produce("t", "0")
    broker.signal(SIGSTOP)
    try:
        answers = [gateway.produce("t", "1"), gateway.consume("t", "c"), gateway.get("/v1/topics")]
        assert {each.status for each in answers} == {503}
        assert {each.problem for each in answers} <= {"broker-away", "outcome-unknown"}
        assert all(each.headers["Retry-After"] == "1" for each in answers)
    finally:
        broker.signal(SIGCONT)
    eventually(lambda: gateway.produce("t", "2").status == 201)
    assert eventually(lambda: gateway.consume("t", "c").status == 200)


def test_what_is_more_than_may_wait_is_told_so_at_once(start_gateway: StartGateway, broker: BrokerProcess) -> None:
    gateway = start_gateway(requests_waiting_max="1", answer_s_max="1.5")
    broker.signal(SIGSTOP)
    try:
        with ThreadPoolExecutor(20) as threads:
            answers = list(threads.map(lambda _: gateway.get("/v1/topics"), range(20)))
    finally:
        broker.signal(SIGCONT)
    assert {each.status for each in answers} == {503}
    assert {each.problem for each in answers} == {"overloaded", "broker-away"}
    assert any("requests_waiting_max is 1" in each.json["detail"] for each in answers)


def test_what_a_consumer_was_not_told_it_gets_again(start_gateway: StartGateway, broker: BrokerProcess) -> None:
    gateway = start_gateway(answer_s_max="1")
    for number in range(5):
        gateway.produce("t", str(number))
    assert gateway.consume("t", "c").json["offset"] == 0
    broker.signal(SIGSTOP)
    try:
        assert gateway.consume("t", "c").status == 503
    finally:
        broker.signal(SIGCONT)
    again = eventually(lambda: [found for found in [gateway.consume("t", "c")] if found.status == 200])[0]
    assert again.json["offset"] == 1


def test_a_gateway_starts_without_a_broker_and_waits_for_one(tmp_path: Path) -> None:
    gateway = GatewayProcess(tmp_path, "tcp://127.0.0.1:1")
    try:
        eventually(lambda: gateway.get("/readyz").status == 503)
        assert_away(gateway.produce("t", "1"))
    finally:
        assert gateway.stop() == 0


def test_a_signal_ends_it_cleanly_streams_and_all(gateway: GatewayProcess) -> None:
    with gateway.raw(b"GET /v1/stream HTTP/1.1\r\nHost: x\r\n\r\n") as connection:
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
        assert gateway.stop() == 0
