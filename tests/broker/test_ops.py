"""The broker's HTTP side: who asks is answered, whoever else hangs on there."""

from __future__ import annotations

import json
import re
import socket as tcp
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress

import pytest
from broker_process import BrokerProcess
from conftest import SocketFactory
from raw_wire import WRITTEN, Peer, acks, get, make, metrics
from waiting import eventually

from mq.broker.ops import yielding

ANSWER_S = 5.0
CONNECTIONS_MAX = 512


@pytest.fixture
def peer(broker: BrokerProcess, socket: SocketFactory) -> Peer:
    return Peer(broker, socket)


@pytest.fixture
def hanging() -> Iterator[ExitStack]:
    """Return what closes the connections that a test leaves hanging."""
    with ExitStack() as stack:
        yield stack


def dial(broker: BrokerProcess) -> tcp.socket:
    return tcp.create_connection(("127.0.0.1", int(broker.ops.rpartition(":")[2])), ANSWER_S)


def test_a_healthy_broker_says_so(broker: BrokerProcess) -> None:
    for path, status in (("/healthz", "alive"), ("/readyz", "ready")):
        code, text = get(broker.ops + path)
        assert (code, json.loads(text)) == (200, {"status": status})


def test_another_page_is_not_found_and_names_those_there_are(broker: BrokerProcess) -> None:
    for path in ("/", "/metrics/", "/nothing", "/healthz/../etc/passwd", "/%2e%2e/x", "/?a=b"):
        code, text = get(broker.ops + path)
        assert code == 404, path
        assert json.loads(text) == {"paths": ["/healthz", "/readyz", "/metrics"]}


def test_metrics_are_in_prometheus_form_and_say_what_stats_say(peer: Peer) -> None:
    push, dealer = peer.pusher(), peer.dealer()
    for number in range(10):
        dealer.send(make(b"a", b"x", flags=WRITTEN, sequence=number))
        push.send(b"rubbish")
    acks(dealer, 10)
    eventually(lambda: peer.refused("ingest")["not_a_frame"] == 10)
    _, text = get(f"{peer.broker.ops}/metrics")
    line = re.compile(r'# (HELP|TYPE) (minimq|process)_\w+ .+|\w+(\{\w+="[^"]+"(,\w+="[^"]+")*\})? [0-9.e+-]+')
    assert all(line.fullmatch(each) for each in text.splitlines())
    found, stats = metrics(peer.broker), peer.stats()
    for name in ("frames_received", "records_appended", "bytes_appended", "frames_forwarded", "frames_unstored"):
        assert found[f"minimq_{name}_total"] == stats[name], name
    assert (stats["frames_received"], stats["records_appended"]) == (20, 10)
    assert found["minimq_journal_failed"] == 0


def test_a_slow_client_does_not_block_the_others(broker: BrokerProcess, hanging: ExitStack) -> None:
    for said in (b"", b"GET", b"GET /metrics HTTP/1.1\r\nHost:", b"GET /metrics HTTP/1.1\r\n\r\n" * 100):
        for _ in range(5):
            hanging.enter_context(closing(dial(broker))).sendall(said)
    for _ in range(20):
        assert get(f"{broker.ops}/healthz", ANSWER_S)[0] == 200


@pytest.mark.slow
def test_more_silent_connections_than_are_let_in_hold_the_door_for_seconds_only(
    broker: BrokerProcess, hanging: ExitStack
) -> None:
    for _ in range(CONNECTIONS_MAX + 10):
        hanging.enter_context(closing(dial(broker)))

    def answered() -> bool:
        try:
            return get(f"{broker.ops}/healthz", 1.0)[0] == 200
        except OSError:
            return False

    eventually(answered, 15.0)


RUBBISH = [b"\0" * 100, b"GET\r\n\r\n", b"POST /metrics HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"x" * 300_000]


def test_what_is_no_request_hurts_nobody(broker: BrokerProcess) -> None:
    for rubbish in RUBBISH:
        with closing(dial(broker)) as connection:
            connection.settimeout(ANSWER_S)
            with suppress(ConnectionError):  # it may be cut at any moment
                connection.sendall(rubbish)
                connection.shutdown(tcp.SHUT_WR)
                while connection.recv(4096):
                    pass
        assert get(f"{broker.ops}/healthz")[0] == 200
    assert "Traceback" not in broker.log.read_text()


def test_a_long_computation_gives_way_to_others_and_leaves_no_trace() -> None:
    usual = sys.getswitchinterval()
    with suppress(InterruptedError), yielding():
        inside = sys.getswitchinterval()
        raise InterruptedError
    assert inside < usual / 10
    assert sys.getswitchinterval() == usual
