"""Who listens is known, how far behind it is too, and a subscriber that hangs is nobody's trouble but its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgpack
import pytest
import zmq
from broker_process import BrokerProcess
from conftest import SocketFactory, StartBroker
from waiting import eventually

import mq
from mq.cli.audience import listeners
from mq.client.link import Link
from mq.protocol import Failure, HeadList, Heads, decode

PATIENCE_S = 60.0
READER = Path(__file__).with_name("slow_reader.py")
ROOT = Path(__file__).parents[2]
RATE, COUNT, RECORDS_A_FRAME = 20_000, 160_000, 20
LATE_S_MAX = 2.0  # on a busy machine; a broker that waited for who hangs would be late by all that lasts


@contextmanager
def reader(broker: BrokerProcess, name: str, count: int) -> Iterator[subprocess.Popen[str]]:
    """Start a subscriber as a process, and wait until it listens."""
    arguments = [sys.executable, str(READER), broker.control, name, str(count)]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=environ)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "listening\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def audience(broker: BrokerProcess) -> dict[str, dict[str, Any]]:
    with Link(broker.control) as link:
        return {each["name"]: each for each in listeners(link)}


def load(broker: BrokerProcess, ending: threading.Event) -> None:
    """Push 20,000 records a second, each the time of its sending."""
    with mq.Push(broker.ingest) as push:
        assert push.ready(PATIENCE_S)
        began = time.monotonic()
        for number in range(0, COUNT, RECORDS_A_FRAME):
            while number > (time.monotonic() - began) * RATE:
                ending.wait(RECORDS_A_FRAME / RATE)
            while not push.send_many("load/a", [b"%0200d" % time.time_ns()] * RECORDS_A_FRAME):
                push.ready(PATIENCE_S)
        ending.wait(PATIENCE_S)  # what is on its way may leave


@pytest.mark.slow
def test_a_subscriber_that_hangs_hurts_no_other_is_named_and_gets_everything_once_it_goes_on(
    start_broker: StartBroker,
) -> None:
    """It misses most of what goes out live, as little finds room on the way to it, and repairs that."""
    broker = start_broker(MINIMQ_LIVE_MESSAGES_MAX="100")
    with reader(broker, "stuck", COUNT) as stuck, mq.Subscriber(broker.control, "load/#", 0, name="fast") as fast:
        eventually(lambda: fast.receive(0.01) is None and {"stuck", "fast"} <= set(audience(broker)))
        stuck.send_signal(signal.SIGSTOP)
        ending = threading.Event()
        pushing = threading.Thread(target=load, args=(broker, ending))
        pushing.start()
        lates: list[float] = []
        try:
            for offset in range(COUNT):
                message = fast.receive(PATIENCE_S)
                assert message is not None
                assert message.offset == offset
                lates.append((time.time_ns() - int(message.body)) / 1e9)
        finally:
            ending.set()
            pushing.join()
        assert sorted(lates)[COUNT * 99 // 100] < LATE_S_MAX
        found = audience(broker)
        assert found["fast"]["state"] == "ok"
        assert found["stuck"]["state"] == "silent"
        assert found["stuck"]["silent_ms"] > 3_000
        stuck.send_signal(signal.SIGCONT)
        assert stuck.stdout is not None
        word, repaired = stuck.stdout.readline().split()
        assert word == "whole"
        assert int(repaired) > 0


def test_a_subscriber_that_is_behind_says_by_how_much_while_it_works_on_what_it_has(broker: BrokerProcess) -> None:
    """It receives one record in a while and never waits for one; its reports go out all the same."""
    with mq.Subscriber(broker.control, "a/#", 0, name="behind") as subscriber:
        with mq.Producer(broker.control, "written") as producer:
            producer.send_many("a/b", [b"x"] * 5_000)
            producer.send_many("a/b", [b"x"] * 15_000)
        assert subscriber.receive(PATIENCE_S) is not None

        def lag() -> int:
            assert subscriber.receive(0) is not None
            found = audience(broker).get("behind")
            return found["lag"] if found else 0

        def told() -> bool:
            before = subscriber.lag
            return before <= lag() <= before + 10_000

        eventually(told)
        assert subscriber.lag > 10_000
        row = audience(broker)["behind"]
        assert (row["patterns"], row["state"], row["repaired"], row["lost"]) == ("a/#", "slow", 0, 0)


def test_stats_show_who_listens_the_furthest_behind_first(broker: BrokerProcess) -> None:
    with (
        mq.Subscriber(broker.control, ["a/#", "b"], name="reports") as one,
        mq.Subscriber(broker.control, "#") as other,
    ):
        eventually(lambda: one.receive(0) or other.receive(0) or len(audience(broker)) == 2)
        assert set(audience(broker)) == {"reports", other.name}
        ran = {flag: stats(broker, *flag) for flag in ((), ("--json",))}
    head, *rows = [line.split() for line in ran[()].splitlines()[-3:]]
    assert head == ["SUBSCRIBER", "STATE", "LAG", "REPAIRED", "LOST", "PATTERNS"]
    assert sorted(rows) == sorted(
        [["reports", "ok", "0", "0", "0", "a/#", "b"], [other.name, "ok", "0", "0", "0", "#"]]
    )
    told = [json.loads(line) for line in ran["--json",].splitlines()]
    assert {each["name"] for each in told if each["kind"] == "subscriber"} == {"reports", other.name}


def stats(broker: BrokerProcess, *flags: str) -> str:
    arguments = [sys.executable, "-m", "mq.cli", "stats", "--broker", broker.control, *flags]
    return subprocess.run(arguments, check=True, capture_output=True, text=True, timeout=60).stdout


FORGED: dict[str, Any] = {
    "a huge name": {"name": "x" * 40_000},
    "no name": {"name": None},
    "a name with control characters": {"name": "a\x1b[2J"},
    "less than nothing": {"lag": -1},
    "more than there can be": {"repaired": 2**63 - 1, "lost": -5},
    "ten thousand topics": {"topics": [["t", 1]] * 6_000},
    "a huge topic": {"topics": [["t" * 30_000, 1]]},
    "another kind": {"topics": {"t": 1}},
    "more than belongs there": {"more": [1]},
}


@pytest.mark.parametrize("forged", FORGED)
def test_a_forged_report_is_refused_and_leaves_nothing(
    broker: BrokerProcess, socket: SocketFactory, forged: str
) -> None:
    peer = socket(zmq.DEALER)
    peer.connect(broker.control)
    good = {"name": "n", "number": 1, "lag": 0, "repaired": 0, "lost": 0, "topics": []}
    request = {"op": "heads", "id": 7, "patterns": ["#"]}
    peer.send(msgpack.packb({**request, "report": {**good, **FORGED[forged]}}))
    reply = decode(peer.recv())
    assert isinstance(reply, Failure)
    assert (reply.id, reply.error, reply.detail) == (7, "bad_request", "heads: 'report' is not Report | None")
    assert audience(broker) == {}
    peer.send(msgpack.packb({**request, "report": good}))
    assert isinstance(decode(peer.recv()), HeadList)
    assert set(audience(broker)) == {"n"}


def test_many_subscribers_are_told_page_by_page_and_who_says_nothing_is_served(
    broker: BrokerProcess, socket: SocketFactory
) -> None:
    peers = [socket(zmq.DEALER) for _ in range(16)]  # of one connection no more than so many subscribers count
    for peer in peers:
        peer.connect(broker.control)
    for number in range(250):
        peer = peers[number % len(peers)]
        told = {"name": f"n{number}", "number": number, "lag": number, "repaired": 0, "lost": 0, "topics": []}
        peer.send(Heads(number + 1, ["#"], report=told).encode())
        assert isinstance(decode(peer.recv()), HeadList)
    peer.send(Heads(1, ["#"]).encode())
    assert isinstance(decode(peer.recv()), HeadList)
    assert {each["lag"] for each in audience(broker).values()} == set(range(250))
