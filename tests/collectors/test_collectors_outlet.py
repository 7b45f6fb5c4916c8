"""The way out of a collector, with brokers that are there, come later, go away, move, or are none."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager

import pytest
import zmq
from broker_process import BrokerProcess
from waiting import eventually

import mq
from collectors import outlet as module
from collectors.backlog import Backlog
from collectors.outlet import Outlet
from mq.client.link import Link
from mq.frame import Header, split
from mq.protocol import Failure, Fetch, Frames, Hello, Welcome, decode

TOPIC = "host/n1/cpu"


def stored(broker: BrokerProcess, topic: str = TOPIC) -> list[mq.Message]:
    with mq.replay(broker.control, topic) as records:
        return list(records)


def bodies(broker: BrokerProcess) -> list[bytes]:
    return [message.body for message in stored(broker)]


def headers(broker: BrokerProcess, topic: str = TOPIC) -> list[Header]:
    """Return what is written on the frames of a topic: replay tells nothing of sequences."""
    with Link(broker.control) as link:
        return [frame.header for frame in split(link.ask(Fetch(1, topic, 0, 1 << 20), Frames).frames)]


def sequences(broker: BrokerProcess, topic: str = TOPIC) -> list[int]:
    return [header.sequence for header in headers(broker, topic)]


def numbered(numbers: Sequence[int]) -> list[bytes]:
    return [b"%d" % number for number in numbers]


def send(outlet: Outlet, numbers: Sequence[int], topic: str = TOPIC) -> None:
    for body in numbered(numbers):
        outlet.send(topic, body)


def work_until(outlet: Outlet, condition: Callable[[], bool]) -> None:
    def holds() -> bool:
        outlet.work(0.05)
        return condition()

    eventually(holds)


def settle(outlet: Outlet) -> None:
    """Work until the broker is found and nothing waits."""
    work_until(outlet, lambda: not outlet.busy)


def notice_that_it_is_away(outlet: Outlet, first: int) -> int:
    """Send until something has to wait; return the next number. What was sent before may be lost on its way."""

    def waits() -> bool:
        nonlocal first
        send(outlet, [first])
        first += 1
        return outlet.busy

    eventually(waits)
    return first


@contextmanager
def away(broker: BrokerProcess) -> Iterator[None]:
    broker.kill()
    yield
    broker.restart()


def test_what_is_sent_to_a_broker_arrives(broker: BrokerProcess) -> None:
    with closing(Outlet(broker.control)) as outlet:
        outlet.send(TOPIC, b"x")
        settle(outlet)
        eventually(lambda: bodies(broker) == [b"x"])
        assert outlet.dropped == 0


def test_what_was_sent_before_the_broker_came_arrives_in_order(broker: BrokerProcess) -> None:
    with closing(Outlet(broker.control)) as outlet:
        with away(broker):
            outlet.work(0.05)
            assert outlet.busy
            send(outlet, range(100))
        settle(outlet)
        send(outlet, [100])
        eventually(lambda: bodies(broker) == numbered(range(101)))


def test_of_too_many_the_newest_are_kept_and_the_others_counted_and_left_out_of_the_sequence(
    broker: BrokerProcess, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(Outlet(broker.control, Backlog(samples_max=10))) as outlet, caplog.at_level(logging.INFO):
        with away(broker):
            send(outlet, range(25))
        assert outlet.dropped == 15
        settle(outlet)
        eventually(lambda: bodies(broker) == numbered(range(15, 25)))
    assert outlet.dropped == 15
    assert sequences(broker) == list(range(15, 25))
    begins, found, over = caplog.messages
    assert "the oldest are given up for the newest" in begins
    assert found == f"pushing to {broker.ingest}"
    assert "15 were given up" in over


def test_while_a_broker_that_was_found_is_away_the_newest_wait_each_with_its_own_time(broker: BrokerProcess) -> None:
    with closing(Outlet(broker.control, Backlog(samples_max=50))) as outlet:
        send(outlet, [0])
        settle(outlet)
        eventually(lambda: bodies(broker) == [b"0"])
        with away(broker):
            first = notice_that_it_is_away(outlet, 1)
            send(outlet, range(first, first + 1000))
            until = time.time_ns()
        settle(outlet)
        expected = [0, *range(first + 950, first + 1000)]
        eventually(lambda: bodies(broker) == numbered(expected))
    assert sequences(broker) == expected
    assert len({header.producer for header in headers(broker)}) == 1
    times = [header.produced for header in headers(broker)]
    assert times == sorted(times)
    assert times[-1] < until


def test_what_is_given_up_is_left_out_of_the_sequence_of_its_own_topic(broker: BrokerProcess) -> None:
    with closing(Outlet(broker.control, Backlog(samples_max=3))) as outlet:
        with away(broker):
            send(outlet, range(5), TOPIC)
            send(outlet, range(2), "host/n1/mem")
        settle(outlet)
        eventually(lambda: stored(broker, "host/n1/mem")[1:])
        assert sequences(broker) == [4]
        assert sequences(broker, "host/n1/mem") == [0, 1]


def test_a_broker_that_comes_back_with_another_ingest_port_is_found_there(
    broker: BrokerProcess, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "ASK_AFTER_S", 0.1)
    with closing(Outlet(broker.control)) as outlet, caplog.at_level(logging.INFO):
        send(outlet, [0])
        settle(outlet)
        eventually(lambda: bodies(broker) == [b"0"])
        earlier = broker.ingest
        with away(broker):
            first = notice_that_it_is_away(outlet, 1)
            broker.endpoints["ingest"] = "tcp://127.0.0.1:*"
        send(outlet, range(first, first + 5))
        settle(outlet)
        eventually(lambda: bodies(broker)[-5:] == numbered(range(first, first + 5)))
    assert broker.ingest != earlier
    assert [text for text in caplog.messages if "pushing" in text] == [
        f"pushing to {earlier}",
        f"pushing to {broker.ingest}",
    ]
    assert len({header.producer for header in headers(broker)}) == 1
    assert sequences(broker)[-1] == first + 4


def test_a_broker_that_answers_and_takes_nothing_is_asked_again_and_complained_of_once(
    answering: zmq.Socket[bytes], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def answer_nowhere() -> None:
        client, question = answering.recv_multipart()
        hello = decode(question)
        assert isinstance(hello, Hello)
        answering.send_multipart([client, Welcome(hello.id, 1, "0", 1, 1, 2, 3, 4, 1 << 20).encode()])

    monkeypatch.setattr("collectors.finder.ASK_AGAIN_S", 0.2)
    with closing(Outlet(endpoint_of(answering))) as outlet:
        outlet.work(0)
        answer_nowhere()
        settle(outlet)
        outlet.send(TOPIC, b"x")
        for limit in ("ASK_AFTER_S", "PATIENCE_S"):
            monkeypatch.setattr(module, limit, 0.0)
        for _ in range(3):
            work_until(outlet, lambda: answering.poll(0) > 0)
            answer_nowhere()
        assert outlet.busy
    complaint, end = caplog.messages
    assert "nobody takes samples at tcp://127.0.0.1:1, where the broker at" in complaint
    assert end == "ending: 1 samples that waited are lost"


def test_a_broker_that_comes_and_goes_gets_on_with_it_and_makes_no_noise(
    broker: BrokerProcess, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 0.05)
    with closing(Outlet(broker.control)) as outlet, caplog.at_level(logging.INFO):
        number = 0
        for _ in range(3):
            send(outlet, [number])
            settle(outlet)
            eventually(lambda: bodies(broker)[-1:] == numbered([number]))  # noqa: B023 - asked at once
            with away(broker):
                number = notice_that_it_is_away(outlet, number + 1)
                for _ in range(20):
                    outlet.work(0.01)
                    send(outlet, [number])
                    number += 1
            settle(outlet)
            eventually(lambda: bodies(broker)[-20:] == numbered(range(number - 20, number)))  # noqa: B023
    said = [text.partition(" at ")[0].partition(" to ")[0] for text in caplog.messages]
    news = [text for text in said if text != "no broker answers"]  # a busy machine's may take longer at first
    assert news == ["pushing", *["nobody takes samples", "pushing"] * 3]


def test_looking_takes_no_longer_than_it_may_and_is_complained_of_once(
    broker: BrokerProcess, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 0.05)
    broker.kill()
    with closing(Outlet(broker.control)) as outlet:
        for wait in (0.0, -1.0, 0.1, 0.1):
            began = time.monotonic()
            outlet.work(wait)
            assert outlet.busy
            assert time.monotonic() - began < max(0.0, wait) + 0.1
        (complaint,) = caplog.messages
        assert broker.control in complaint
        assert "the last 1000 samples are kept" in complaint
        began = time.monotonic()
    assert time.monotonic() - began < 0.5


def test_it_asks_again_and_again(broker: BrokerProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collectors.finder.ASK_AGAIN_S", 0.05)
    with closing(Outlet(broker.control)) as outlet:
        with away(broker):
            for _ in range(5):
                outlet.work(0.06)
        settle(outlet)


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


def test_a_refusal_is_said_and_samples_wait_on(
    answering: zmq.Socket[bytes], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 0.05)
    with closing(Outlet(endpoint_of(answering))) as outlet:
        outlet.send(TOPIC, b"x")
        outlet.work(0)
        client, question = answering.recv_multipart()
        hello = decode(question)
        assert isinstance(hello, Hello)
        answering.send_multipart([client, Failure(hello.id, "too_old", "speak version 2").encode()])
        work_until(outlet, lambda: len(caplog.messages) > 0)
        outlet.work(0.1)
        assert outlet.busy
    complaint, _ = caplog.messages
    assert "the broker refused: too_old (speak version 2)" in complaint


def test_what_is_no_answer_is_no_broker(answering: zmq.Socket[bytes]) -> None:
    with closing(Outlet(endpoint_of(answering))) as outlet:
        outlet.work(0)
        client, _ = answering.recv_multipart()
        for nonsense in (b"", b"\xc1", b"\x80", b"hello", b"\x81\xa2op\xa7welcome"):
            answering.send_multipart([client, nonsense])
        outlet.work(0.3)
        assert outlet.busy
