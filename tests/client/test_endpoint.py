"""Where a broker is reached: how that is written, and that both kinds of addresses work."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from broker_process import BrokerProcess

import mq
from mq.client.endpoint import beside, parse_endpoint
from mq.client.link import Link
from mq.errors import BadEndpoint, Unreachable
from mq.protocol import Welcome


@pytest.mark.parametrize(
    ("endpoint", "host", "port"),
    [
        ("tcp://127.0.0.1:5557", "127.0.0.1", 5557),
        ("tcp://broker.example:1", "broker.example", 1),
        ("tcp://localhost:65535", "localhost", 65_535),
        ("tcp://[::1]:5557", "[::1]", 5557),
        ("tcp://[fe80::1:2]:5557", "[fe80::1:2]", 5557),
    ],
)
def test_an_endpoint_is_a_host_and_a_port(endpoint: str, host: str, port: int) -> None:
    assert parse_endpoint(endpoint) == (host, port)


@pytest.mark.parametrize(
    "endpoint",
    [
        *("", "5557", "h:5557", "http://h:5557", "tcp://h", "tcp://:5557", "tcp://::1:5557", "tcp://h h:5557"),
        *("tcp://h:0", "tcp://h:65536", "tcp://h:123456", "tcp://h:x", "tcp://h:-1", "tcp://h:5557/"),
        *(" tcp://h:5557", "tcp://h:5557\n"),
    ],
)
def test_anything_else_is_refused_and_told_how_to_write_it(endpoint: str) -> None:
    with pytest.raises(BadEndpoint, match="tcp://HOST:PORT"):
        parse_endpoint(endpoint)


@pytest.mark.parametrize(("told", "reached"), [(None, "tcp://dialled:7"), ("other", "tcp://other:7")])
def test_other_ports_are_on_the_host_that_was_dialled_unless_the_broker_names_one(
    told: str | None, reached: str
) -> None:
    assert beside("tcp://dialled:5557", Welcome(1, 1, "", 1, 5, 6, 7, 8, 9, told), 7) == reached


def test_a_link_asks_and_says_when_nobody_answers(broker: BrokerProcess) -> None:
    with Link(broker.control) as link:
        assert f"tcp://127.0.0.1:{link.hello().control}" == broker.control
    with Link("tcp://127.0.0.1:1", 0.2) as link, pytest.raises(Unreachable, match=r"waited 0\.2 s"):
        link.hello()


class SixthVersion(BrokerProcess):
    """A broker that listens on an IPv6 address."""

    def start(self) -> None:
        """Start there."""
        self.endpoints = {name: at.replace("127.0.0.1", "[::1]") for name, at in self.endpoints.items()}
        super().start()


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_all_works_over_ipv6(tmp_path: Path) -> None:
    broker = SixthVersion(tmp_path / "data")
    try:
        with mq.Producer(broker.control, "written") as producer:
            producer.send("a", b"0").result(10)
        with mq.Push(broker.ingest) as push:
            assert push.send("a", b"1")
        with mq.Subscriber(broker.control, "a", 0) as subscriber:
            found = [subscriber.receive(10), subscriber.receive(10)]
        assert found == list(mq.replay(broker.control, "a"))
    finally:
        broker.kill()
