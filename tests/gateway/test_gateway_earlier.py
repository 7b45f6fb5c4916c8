"""What the earlier MiniMQ promised, asked over HTTP as its own clients ask."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgpack
import pytest
from broker_process import BrokerProcess
from conftest import StartGateway
from gateway_process import JSON, GatewayProcess
from waiting import eventually

import mq
from collectors.sample import Reading, encode
from viewer.samples import parse

MANY = 1_000_000


def sample(value: float, metric: str = "cpu") -> bytes:
    """Return what a collector of today publishes."""
    reading = Reading(value, "%")
    return encode(reading, time=time.time_ns(), node="n1", metric=metric, interval_s=1, scope="host", collector="h/1")


def test_a_message_is_produced_and_consumed_and_the_consumer_moves_on(gateway: GatewayProcess) -> None:
    made = gateway.produce("letters", "a")
    assert (made.status, made.body) == (201, b"")
    gateway.produce("letters", "b")
    assert gateway.consume("letters", "c").json == {"message": "a", "offset": 0}
    assert gateway.consume("letters", "c").json == {"message": "b", "offset": 1}
    none = gateway.consume("letters", "c")
    assert (none.status, none.body) == (204, b"")
    assert gateway.consume("letters", "another").json == {"message": "a", "offset": 0}


def test_messages_come_back_verbatim_the_empty_one_and_newlines_too(gateway: GatewayProcess) -> None:
    messages = ["", "one\ntwo\r\n", '{"a": 1}', "ä\u0000\u2028", "1.50", " ", "x" * 100_000]
    for message in messages:
        assert gateway.produce("verbatim", message).status == 201
    assert [gateway.consume("verbatim", "c").json["message"] for _ in messages] == messages
    assert gateway.consume("verbatim", "c").status == 204


@pytest.mark.parametrize(
    "message", ["42.5", "42", "42.50", "007", " 1e2", "-0.0", "nan", "inf", "", "1e999", "9" * 400]
)
def test_what_is_sent_for_a_nodes_metric_comes_back_as_it_was_sent(gateway: GatewayProcess, message: str) -> None:
    assert gateway.produce("n1-cpu", message).status == 201
    assert gateway.consume("n1-cpu", "c").json == {"message": message, "offset": 0}


def test_a_topic_that_has_no_message_yet_is_204_and_no_node_is_an_empty_list(gateway: GatewayProcess) -> None:
    assert gateway.consume("nothing", "c").status == 204
    nodes = gateway.get("/nodes")
    assert (nodes.status, nodes.json) == (200, [])


def test_the_page_of_old_draws_what_the_collectors_of_today_say(gateway: GatewayProcess, broker: BrokerProcess) -> None:
    with mq.Producer(broker.control) as producer:
        for metric, value in (("cpu", 12.5), ("mem", 70.0), ("disk", 3)):
            producer.send(f"host/n1/{metric}", sample(value, metric)).result(10)
    assert eventually(lambda: gateway.get("/nodes").json) == ["n1"]
    said = [gateway.consume(f"n1-{metric}", "web-ui").json["message"] for metric in ("cpu", "mem", "disk")]
    assert said == ["12.5", "70.0", "3"]


def test_a_number_of_an_old_producer_is_a_sample_like_any_for_todays_viewer(
    gateway: GatewayProcess, broker: BrokerProcess
) -> None:
    assert gateway.produce("nodes", "old-1").status == 201
    for metric in ("cpu", "mem", "disk", "net"):
        assert gateway.produce(f"old-1-{metric}", "42.5").status == 201
    found = list(mq.last_values(broker.control, "host/old-1/+"))
    assert [each.topic for each in found] == [f"host/old-1/{metric}" for metric in ("cpu", "disk", "mem", "net")]
    for each in found:
        read = parse(each.body, each.topic.rpartition("/")[2], each.time)
        assert read.value == 42.5
        assert abs(read.time - each.time) < 10**10
        assert msgpack.unpackb(each.body)["node"] == "old-1"


def test_nodes_are_of_old_and_new_each_once(gateway: GatewayProcess, broker: BrokerProcess) -> None:
    for name in ("b", "a", "b", ""):
        gateway.produce("nodes", name)
    with mq.Producer(broker.control) as producer:
        for topic in ("host/c/cpu", "host/c/mem", "host/a/net", "host/d/other", "elsewhere"):
            producer.send(topic, sample(1)).result(10)
    assert eventually(lambda: len(gateway.get("/nodes").json) == 3)
    assert gateway.get("/nodes").json == ["a", "b", "c"]


def test_other_names_are_topics_as_they_are(gateway: GatewayProcess, broker: BrokerProcess) -> None:
    for name in ("a-b-c", "jobs/x", "cpu", "-cpu", "n1-gpu", "a/b-cpu"):
        assert gateway.produce(name, "m").status == 201
        (found,) = mq.replay(broker.control, name)
        assert found.body == b"m"


@pytest.mark.parametrize("name", ["", "a b", "a//b", ".x", "../x", "a/", "ä", "a b-cpu", "x" * 201, ".-cpu", "a\n"])
def test_a_name_outside_the_grammar_is_400(gateway: GatewayProcess, name: str) -> None:
    made = gateway.produce(name, "m")
    assert (made.status, made.problem) == (400, "bad-request")
    assert gateway.consume(name, "c").status == 400


def test_the_brokers_own_topics_are_nobodys_to_write_to(gateway: GatewayProcess) -> None:
    made = gateway.produce("_mq/consumers", "m")
    assert (made.status, made.problem) == (403, "reserved-topic")


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"x", b"[]", b"1", b"\xff", b"[" * 99_999),
        *(b'{"topic": "t"}', b'{"message": "m"}', b'{"topic": 1, "message": "m"}', b'{"topic": "t", "message": 1}'),
        *(b'{"topic": "t", "message": "\\ud800"}', b'{"topic": null, "message": null}'),
    ],
)
def test_what_is_not_that_json_is_400(gateway: GatewayProcess, body: bytes) -> None:
    made = gateway.ask("POST", "/produce", body, JSON)
    assert (made.status, made.problem) == (400, "bad-request")


def test_json_is_taken_whatever_it_is_called(gateway: GatewayProcess) -> None:
    body = json.dumps({"topic": "t", "message": "m", "more": 1}).encode()
    for headers in ({}, {"Content-Type": "application/x-www-form-urlencoded"}, {"Content-Type": "text/plain"}):
        assert gateway.ask("POST", "/produce", body, headers).status == 201


@pytest.mark.parametrize("query", ["", "?topic=t", "?consumer_id=c", "?topic=t&consumer_id=", "?topic=&consumer_id=c"])
def test_a_missing_parameter_is_400(gateway: GatewayProcess, query: str) -> None:
    assert gateway.get(f"/consume{query}").status == 400


@pytest.mark.parametrize(
    ("path", "method", "allow"),
    [
        *(
            ("/produce", "GET", "POST"),
            ("/produce", "PUT", "POST"),
            ("/nodes", "POST", "GET"),
            ("/nodes", "DELETE", "GET"),
        ),
        *(("/consume", "POST", "GET"), ("/consume", "HEAD", "GET"), ("/consume", "OPTIONS", "GET")),
    ],
)
def test_another_method_is_405_and_moves_nobody(gateway: GatewayProcess, path: str, method: str, allow: str) -> None:
    gateway.produce("t", "m")
    refused = gateway.ask(method, f"{path}?topic=t&consumer_id=c")
    assert (refused.status, refused.headers["Allow"]) == (405, allow)
    assert gateway.consume("t", "c").json == {"message": "m", "offset": 0}


def test_positions_survive_restarts_of_gateway_and_broker(gateway: GatewayProcess, broker: BrokerProcess) -> None:
    for number in range(6):
        gateway.produce("t", str(number))
    assert [gateway.consume("t", "c").json["offset"] for _ in range(2)] == [0, 1]
    gateway.kill()
    gateway.start()
    assert gateway.consume("t", "c").json["offset"] == 2
    gateway.restart()
    assert gateway.consume("t", "c").json["offset"] == 3
    broker.kill()
    broker.restart()
    after = eventually(lambda: [found for found in [gateway.consume("t", "c")] if found.status == 200])[0]
    assert after.json["offset"] == 4


def test_many_requests_at_once_of_two_gateways_get_each_message_once(
    start_gateway: StartGateway, broker: BrokerProcess, tmp_path: Path
) -> None:
    gateways = [start_gateway(), start_gateway()]
    count = 2_000
    with mq.Producer(broker.control) as producer:
        producer.send_many("t", [str(number).encode() for number in range(count)]).result(10)
    got: list[int] = []
    lock = threading.Lock()

    def take(place: int) -> None:
        while True:
            answer = gateways[place % 2].consume("t", "c")
            if answer.status == 204:
                return
            if answer.status == 200:
                with lock:
                    got.append(answer.json["offset"])

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(take, range(8)))
    assert sorted(got) == list(range(count))


def test_a_gateway_that_is_never_idle_lets_another_have_its_turn(
    start_gateway: StartGateway, broker: BrokerProcess
) -> None:
    busy, other = start_gateway(), start_gateway()
    with mq.Producer(broker.control, "written") as producer:
        for start in range(0, 100_000, 1_000):
            producer.send_many("t", [b"%d" % number for number in range(start, start + 1_000)])
    done = threading.Event()

    def take(_: int) -> None:
        while not done.is_set():
            assert busy.consume("t", "c").status in (200, 409)

    with ThreadPoolExecutor(4) as threads:
        taking = threads.map(take, range(4))
        try:
            assert busy.consume("t", "c").status == 200
            assert other.consume("t", "c").status == 200
        finally:
            done.set()
        list(taking)


def test_a_new_consumer_of_a_million_messages_is_answered_from_the_first(
    gateway: GatewayProcess, broker: BrokerProcess
) -> None:
    with mq.Producer(broker.control, "written") as producer:
        for start in range(0, MANY, 10_000):
            producer.send_many("big", [b"%040d" % number for number in range(start, start + 10_000)])
    before = broker_bytes(broker)
    assert gateway.consume("big", "new").json == {"message": f"{0:040}", "offset": 0}
    assert gateway.consume("big", "new").json == {"message": f"{1:040}", "offset": 1}
    assert broker_bytes(broker) - before < 2 << 20


def broker_bytes(broker: BrokerProcess) -> int:
    """Return how much the broker has read from files so far."""
    text = Path(f"/proc/{broker.process.pid}/io").read_text()
    return int(text.split("rchar: ")[1].split()[0])


def test_retention_and_a_name_that_a_program_holds_are_told(gateway: GatewayProcess, broker: BrokerProcess) -> None:
    gateway.produce("t", "m")
    with mq.Subscriber(broker.control, "t", consumer="mine") as subscriber:
        assert subscriber.receive(10) is not None
        held = gateway.consume("t", "mine")
        assert (held.status, held.problem) == (409, "held")
        assert held.headers["Retry-After"] == "1"
    assert gateway.consume("t", "mine").status == 200


def test_a_shared_consumer_is_not_moved_by_a_gateway(gateway: GatewayProcess, broker: BrokerProcess) -> None:
    gateway.produce("t", "m")
    with mq.SharedConsumer(broker.control, "t", "ours") as consumer:
        assert consumer.receive(10) is not None
        assert gateway.consume("t", "ours").problem == "shared-consumer"
