"""The fire-and-forget producer: never waits, counts what it drops."""

from __future__ import annotations

import socket as tcp

import pytest
import zmq
from broker_process import BrokerProcess
from client_kit import open_files
from conftest import SocketFactory
from waiting import eventually

import mq
from mq.client.push import Push
from mq.errors import BadEndpoint, BadTopic, Closed, TooLarge
from mq.frame import Header, check, parse, stamp

TOPIC = "host/n1/cpu"
NOBODY = "tcp://127.0.0.1:1"


def test_what_is_pushed_is_in_the_journal_in_order(broker: BrokerProcess) -> None:
    with Push(broker.ingest) as push:
        for number in range(500):
            assert push.send(TOPIC, b"%d" % number)
        assert push.send_many(TOPIC, [b"500", b"501"])
    eventually(lambda: len(list(mq.replay(broker.control, TOPIC))) == 502)
    found = list(mq.replay(broker.control, TOPIC))
    assert [message.body for message in found] == [b"%d" % number for number in range(502)]
    assert [message.offset for message in found] == list(range(502))


def test_what_is_dropped_is_counted_and_the_sequence_goes_on(socket: SocketFactory) -> None:
    pull = socket(zmq.PULL)
    pull.rcvhwm = 1
    address = free_address()
    with Push(address, queue_max=10) as push:
        sent = [push.send(TOPIC, b"%d" % number) for number in range(30)]
        assert sent == [True] * 10 + [False] * 20
        assert push.dropped == 20
        assert not push.send_many(TOPIC, [b"a", b"b"])
        assert push.dropped == 22
        pull.bind(address)
        got = [check(pull.recv()) for _ in range(10)]
        assert [found[6] for found in got] == [b"%d" % number for number in range(10)]
        eventually(lambda: push.send(TOPIC, b"back"))
        back = pull.recv()
    header = parse_unstamped(back)
    assert header.sequence >= 32
    assert header.sequence == 10 + push.dropped
    assert header.producer == push.producer


def free_address() -> str:
    """Return an address at which nobody listens."""
    with tcp.create_server(("127.0.0.1", 0)) as server:
        return f"tcp://127.0.0.1:{server.getsockname()[1]}"


def parse_unstamped(frame: bytes) -> Header:
    return parse(stamp(check(frame), 0, 0, 0)).header


def test_each_topic_has_its_own_sequence(socket: SocketFactory) -> None:
    pull = socket(zmq.PULL)
    port = pull.bind_to_random_port("tcp://127.0.0.1")
    with Push(f"tcp://127.0.0.1:{port}") as push:
        for topic in ("a", "b", "a"):
            push.send(topic, b"")
        push.send_many("a", [b""] * 3)
        push.send("a", b"")
        headers = [parse_unstamped(pull.recv()) for _ in range(5)]
    assert [header.sequence for header in headers] == [0, 0, 1, 2, 5]
    assert {header.producer for header in headers} == {push.producer} != {0}


def test_what_cannot_be_a_frame_is_refused_here_and_takes_no_number(socket: SocketFactory) -> None:
    pull = socket(zmq.PULL)
    port = pull.bind_to_random_port("tcp://127.0.0.1")
    with Push(f"tcp://127.0.0.1:{port}") as push:
        with pytest.raises(BadTopic):
            push.send("a//b", b"")
        with pytest.raises(TooLarge):
            push.send("a", bytes(2 << 20))
        with pytest.raises(ValueError, match="at least one record"):
            push.send_many("a", [])
        push.send("a", b"")
        assert parse_unstamped(pull.recv()).sequence == 0
        assert push.dropped == 0


def test_after_close_it_is_closed(broker: BrokerProcess) -> None:
    push = Push(broker.ingest)
    push.close()
    push.close()
    with pytest.raises(Closed):
        push.send(TOPIC, b"")
    with pytest.raises(Closed):
        push.send_many(TOPIC, [b""])


def test_nothing_is_left_behind(socket: SocketFactory) -> None:
    port = socket(zmq.PULL).bind_to_random_port("tcp://127.0.0.1")
    before = open_files()
    for _ in range(10):
        with Push(f"tcp://127.0.0.1:{port}") as push:
            push.send(TOPIC, b"x")
        with pytest.raises(BadEndpoint):
            Push("not an endpoint")
    eventually(lambda: open_files() <= before)  # the other end is in this process too, and closes when it hears of it


@pytest.mark.parametrize("queue_max", [0, -1])
def test_a_queue_without_a_bound_is_refused(queue_max: int) -> None:
    with pytest.raises(ValueError, match="queue_max"):
        Push(NOBODY, queue_max)


def test_with_immediate_nothing_waits_for_a_broker_that_is_away(socket: SocketFactory) -> None:
    address = free_address()
    with Push(address, immediate=True) as push:
        assert not push.ready()
        assert not push.ready(0.05)
        assert not push.send(TOPIC, b"lost")
        pull = socket(zmq.PULL)
        pull.bind(address)
        assert push.ready(20)
        assert push.send(TOPIC, b"x")
        assert parse_unstamped(pull.recv()).sequence == 1
    assert push.dropped == 1


def test_a_full_queue_is_not_ready_until_frames_leave_it(socket: SocketFactory) -> None:
    address = free_address()
    with Push(address, queue_max=2) as push:
        assert [push.ready() and push.send(TOPIC, b"") for _ in range(3)] == [True, True, False]
        socket(zmq.PULL).bind(address)
        assert push.ready(20)
    assert push.dropped == 0


def test_what_is_skipped_is_counted_in_the_sequence_of_its_topic(socket: SocketFactory) -> None:
    pull = socket(zmq.PULL)
    port = pull.bind_to_random_port("tcp://127.0.0.1")
    with Push(f"tcp://127.0.0.1:{port}") as push:
        push.skip("a", 3)
        push.skip("a")
        for topic in ("a", "b"):
            push.send(topic, b"")
        assert [parse_unstamped(pull.recv()).sequence for _ in range(2)] == [4, 0]
        assert push.dropped == 4


def test_it_moves_to_another_port_as_the_same_producer(socket: SocketFactory) -> None:
    pulls = [socket(zmq.PULL) for _ in range(2)]
    ports = [pull.bind_to_random_port("tcp://127.0.0.1") for pull in pulls]
    headers = []
    with Push(f"tcp://127.0.0.1:{ports[0]}") as push:
        for pull, port in zip(pulls, ports, strict=True):
            push.move_to(f"tcp://127.0.0.1:{port}")
            push.send(TOPIC, b"")
            headers.append(parse_unstamped(pull.recv()))
        with pytest.raises(BadEndpoint):
            push.move_to("nowhere")
        push.send(TOPIC, b"")
        headers.append(parse_unstamped(pulls[1].recv()))
    assert [(header.producer, header.sequence) for header in headers] == [
        (push.producer, number) for number in range(3)
    ]
    for late in (push.ready, lambda: push.move_to(NOBODY)):
        with pytest.raises(Closed):
            late()
