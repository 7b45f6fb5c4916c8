"""``minimq stats``."""

from __future__ import annotations

import signal

import msgpack
import pytest
import zmq
from broker_process import BrokerProcess
from cli_kit import minimq, nobody
from conftest import SocketFactory, StartBroker
from waiting import eventually

import mq
from mq.broker.reported import CLIENT_REPORTS_MAX
from mq.cli.stats import ROWS_MAX
from mq.client import reporting


def test_what_is_missing_is_shown_by_producer(broker: BrokerProcess) -> None:
    with mq.Push(broker.ingest) as push, mq.Push(broker.ingest) as whole:
        assert push.ready(20)
        for number in range(10):
            whole.send("host/n2/cpu", b"x")
            push.send("host/n1/cpu", b"x")
            if number % 3 == 0:
                push.skip("host/n1/cpu")
        eventually(lambda: minimq("stats", "--json", broker=broker.control).objects[0]["frames_received"] == 20)
        lossy, complete = f"{push.producer:016x}", f"{whole.producer:016x}"
    ran = minimq("stats", broker=broker.control)
    assert (ran.code, ran.err) == (0, "")
    head, row = (line.split() for line in ran.lines[-2:])
    assert head[:8] == ["TOPIC", "PRODUCER", "SAMPLED", "SPOOLED", "RECEIVED", "JOURNALED", "FORWARDED", "REPAIRED"]
    assert row[:8] == ["host/n1/cpu", lossy[:8], "13", "0", "10", "10", "10", "0"]
    assert ran.lines[-1].endswith("3 lost on the way to the broker")
    assert any(line.split()[:2] == ["received", "20"] for line in ran.lines)
    everyone = minimq("stats", "host/#", "--all", broker=broker.control)
    assert [line.split()[1] for line in everyone.lines[-2:]] == [lossy[:8], complete[:8]]
    counted, *producers = minimq("stats", "host/n2/#", "--json", broker=broker.control).objects
    assert (counted["kind"], counted["records_appended"]) == ("broker", 20)
    assert [(each["kind"], each["topic"], each["missing"]) for each in producers] == [("producer", "host/n2/cpu", 0)]


def test_a_producer_tells_what_only_it_knows(broker: BrokerProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """As what it has given up: its outcome is unknown, and so the broker may have it."""
    monkeypatch.setattr(reporting, "EVERY_S", 0.01)

    def given_up() -> int:
        found = minimq("stats", "notes", "--json", broker=broker.control).objects
        return sum(it["dropped"] for it in found if it["kind"] == "producer")  # it goes on under another id

    with mq.Producer(broker.control, "written", deliver_s_max=2) as producer:
        producer.send_many("notes", [b"x"] * 7).result(20)
        broker.signal(signal.SIGSTOP)
        with pytest.raises(mq.TimedOut):
            producer.send_many("notes", [b"y"] * 2).result(20)
        broker.signal(signal.SIGCONT)
        producer.send_many("notes", [b"z"] * 4).result(20)
        eventually(lambda: given_up() == 2)


def test_rows_that_somebody_makes_up_touch_no_producers_own_and_are_bounded(
    broker: BrokerProcess, socket: SocketFactory
) -> None:
    """A hundred requests of a thousand rows each over one connection: as many as one may have, and 50 are printed."""
    eve = socket(zmq.DEALER)
    eve.connect(broker.control)
    with mq.Producer(broker.control, "written") as producer:
        producer.send_many("notes", [b"x"] * 7).result(20)
        (its,) = (it for it in minimq("stats", "--json", broker=broker.control).objects if it["kind"] == "producer")
        forged = [["notes", its["producer"], 2**50, 2**50, 2**50]]
        for rows in (
            forged,
            *([["made/up", at * 1_000 + each, 5, 5, 5] for each in range(1_000)] for at in range(100)),
        ):
            eve.send(msgpack.packb({"op": "sampling", "id": 1, "rows": rows}))
            assert msgpack.unpackb(eve.recv())["op"] == "agreed"
        assert producer.send("notes", b"y").result(20).offset == 7
    shown = [it for it in minimq("stats", "--json", broker=broker.control).objects if it["kind"] == "producer"]
    assert [(it["dropped"], it["spooled"]) for it in shown if it["topic"] == "notes"] == [(0, 0)]
    assert len(shown) == 1 + CLIENT_REPORTS_MAX
    lines = minimq("stats", broker=broker.control).lines
    assert sum(line.startswith("made/up") for line in lines) == ROWS_MAX
    assert lines[-1] == f"and {CLIENT_REPORTS_MAX - ROWS_MAX:,} more: minimq stats --all"
    assert len(minimq("stats", "--all", broker=broker.control).lines) > CLIENT_REPORTS_MAX


def test_what_is_not_journaled_is_shown_at_that_step(start_broker: StartBroker) -> None:
    broker = start_broker(MINIMQ_DISK_FREE_BYTES_MIN=str(1 << 60))
    with mq.Push(broker.ingest) as push:
        assert push.ready(20)
        push.send("host/n1/cpu", b"x")
        eventually(lambda: minimq("stats", "--json", broker=broker.control).objects[0]["frames_unstored"] == 1)
    ran = minimq("stats", broker=broker.control)
    assert ran.lines[-1].split()[2:8] == ["1", "0", "1", "0", "1", "0"]
    assert ran.lines[-1].endswith("1 not journaled, sent out live only")


def test_a_broker_that_has_done_nothing_says_so(broker: BrokerProcess) -> None:
    ran = minimq("stats", broker=broker.control)
    assert (ran.code, ran.err) == (0, "")
    assert [line.split()[1] for line in ran.lines] == ["0"] * len(ran.lines)


def test_without_a_broker_one_line_names_the_endpoint() -> None:
    with nobody() as endpoint:
        ran = minimq("stats", "--timeout", "0.5", broker=endpoint)
    assert (ran.code, ran.out) == (1, "")
    assert endpoint in ran.complaint
