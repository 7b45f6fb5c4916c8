"""Fixtures that all rooms share: real brokers, real sockets, and a watch on what tests leave behind."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zmq

sys.path.insert(0, str(Path(__file__).parent / "reliability"))  # the checker, which tests/network needs too
sys.path.insert(0, str(Path(__file__).parent))

from broker_process import BrokerProcess
from gateway_process import GatewayProcess

StartBroker = Callable[..., BrokerProcess]
StartGateway = Callable[..., GatewayProcess]
SocketFactory = Callable[[int], "zmq.Socket[bytes]"]
RECEIVE_MS_MAX = 20_000


@pytest.fixture(autouse=True)
def no_thread_left_behind() -> Iterator[None]:
    """Fail a test that leaves a thread running."""
    before = set(threading.enumerate())
    yield
    left = [thread for thread in set(threading.enumerate()) - before if thread.is_alive() and not thread.daemon]
    assert not left, f"threads left running: {left}"


@pytest.fixture
def start_broker(tmp_path: Path) -> Iterator[StartBroker]:
    """Return a function that starts brokers, with settings as variables (MINIMQ_…); all are ended after the test."""
    started: list[BrokerProcess] = []

    def start(name: str = "data", **settings: str) -> BrokerProcess:
        started.append(BrokerProcess(tmp_path / name, settings))
        return started[-1]

    yield start
    for broker in started:
        broker.kill()


@pytest.fixture
def broker(start_broker: StartBroker) -> BrokerProcess:
    """Return a broker on an empty directory."""
    return start_broker()


@pytest.fixture
def start_gateway(tmp_path: Path, broker: BrokerProcess) -> Iterator[StartGateway]:
    """Return a function that starts gateways for the broker, with options, and limits by name; none may have a bug."""
    started: list[GatewayProcess] = []

    def start(*options: str, **limits: str) -> GatewayProcess:
        started.append(GatewayProcess(tmp_path, broker.control, *options, **limits))
        return started[-1]

    yield start
    for each in started:
        each.kill()
        assert "Traceback" not in each.log.read_text(), each.log.read_text()


@pytest.fixture
def gateway(start_gateway: StartGateway) -> GatewayProcess:
    """Return a gateway for the broker."""
    return start_gateway()


@pytest.fixture
def socket() -> Iterator[SocketFactory]:
    """Return a function that makes raw ZeroMQ sockets, closed after the test; receiving fails after a while."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    made: list[zmq.Socket[bytes]] = []

    def make(kind: int) -> zmq.Socket[bytes]:
        each = context.socket(kind)
        each.linger = 0
        each.rcvtimeo = each.sndtimeo = RECEIVE_MS_MAX
        made.append(each)
        return each

    yield make
    for each in made:
        each.close()
    context.term()
