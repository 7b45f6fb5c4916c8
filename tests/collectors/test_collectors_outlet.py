"""The way out of a collector, with brokers that are there, come later, go away, or are none."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
import zmq
from broker_process import BrokerProcess
from waiting import eventually

import mq
from collectors import outlet as module
from collectors.outlet import Outlet
from mq.protocol import Failure, Hello, decode

TOPIC = "host/n1/cpu"


def bodies(broker: BrokerProcess) -> list[bytes]:
    with mq.replay(broker.control, TOPIC) as records:
        return [message.body for message in records]


def find(outlet: Outlet) -> None:
    eventually(lambda: outlet.look_for_broker(0.1))


@contextmanager
def away(broker: BrokerProcess) -> Iterator[None]:
    broker.kill()
    yield
    broker.restart()


def test_what_is_sent_to_a_broker_arrives(broker: BrokerProcess) -> None:
    with closing(Outlet(broker.control)) as outlet:
        find(outlet)
        outlet.send(TOPIC, b"x")
        eventually(lambda: bodies(broker) == [b"x"])
        assert outlet.dropped == 0


def test_what_was_sent_before_the_broker_came_arrives_in_order(broker: BrokerProcess) -> None:
    with closing(Outlet(broker.control)) as outlet:
        with away(broker):
            assert not outlet.look_for_broker(0.05)
            for number in range(100):
                outlet.send(TOPIC, b"%d" % number)
        find(outlet)
        outlet.send(TOPIC, b"100")
        eventually(lambda: bodies(broker) == [b"%d" % number for number in range(101)])


def test_of_too_many_the_newest_are_kept_and_the_others_counted(
    broker: BrokerProcess, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(Outlet(broker.control, waiting_max=10)) as outlet, caplog.at_level(logging.INFO):
        with away(broker):
            for number in range(25):
                outlet.send(TOPIC, b"%d" % number)
        assert outlet.dropped == 15
        find(outlet)
        eventually(lambda: bodies(broker) == [b"%d" % number for number in range(15, 25)])
        assert outlet.dropped == 15
        assert "15 samples of before were given up" in caplog.text


def test_looking_takes_no_longer_than_it_may_and_is_complained_of_once(
    broker: BrokerProcess, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 0.05)
    broker.kill()
    with closing(Outlet(broker.control)) as outlet:
        for wait in (0.0, -1.0, 0.1, 0.1):
            began = time.monotonic()
            assert not outlet.look_for_broker(wait)
            assert time.monotonic() - began < max(0.0, wait) + 0.1
        (complaint,) = caplog.messages
        assert broker.control in complaint
        assert "the last 1000 samples are kept" in complaint
        began = time.monotonic()
    assert time.monotonic() - began < 0.5


def test_it_asks_again_and_again(broker: BrokerProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ASK_AGAIN_S", 0.05)
    with closing(Outlet(broker.control)) as outlet:
        with away(broker):
            for _ in range(5):
                outlet.look_for_broker(0.06)
        find(outlet)


@pytest.fixture
def answering() -> Iterator[zmq.Socket[bytes]]:
    """Return a socket in a broker's place."""
    with zmq.Context() as context, context.socket(zmq.ROUTER) as socket:
        socket.linger = 0
        socket.rcvtimeo = 20_000
        socket.bind("tcp://127.0.0.1:*")
        yield socket


def endpoint_of(socket: zmq.Socket[bytes]) -> str:
    endpoint = socket.getsockopt(zmq.LAST_ENDPOINT)
    assert isinstance(endpoint, bytes)
    return endpoint.rstrip(b"\0").decode()


def test_a_refusal_is_said_and_samples_wait_on(answering: zmq.Socket[bytes], caplog: pytest.LogCaptureFixture) -> None:
    with closing(Outlet(endpoint_of(answering))) as outlet:
        outlet.send(TOPIC, b"x")
        outlet.look_for_broker(0)
        client, question = answering.recv_multipart()
        hello = decode(question)
        assert isinstance(hello, Hello)
        answering.send_multipart([client, Failure(hello.id, "too_old", "speak version 2").encode()])
        eventually(lambda: outlet.look_for_broker(0.05) or caplog.messages)
        (complaint,) = caplog.messages
        assert "the broker refused: too_old (speak version 2)" in complaint


def test_what_is_no_answer_is_no_broker(answering: zmq.Socket[bytes]) -> None:
    with closing(Outlet(endpoint_of(answering))) as outlet:
        outlet.look_for_broker(0)
        client, _ = answering.recv_multipart()
        for nonsense in (b"", b"\xc1", b"\x80", b"hello", b"\x81\xa2op\xa7welcome"):
            answering.send_multipart([client, nonsense])
        assert not outlet.look_for_broker(0.3)
