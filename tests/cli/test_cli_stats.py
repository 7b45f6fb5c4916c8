"""``minimq stats``."""

from __future__ import annotations

from broker_process import BrokerProcess
from cli_kit import minimq, nobody
from waiting import eventually

import mq


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
    assert head == ["TOPIC", "PRODUCER", "RECEIVED", "MISSING", "LATE", "DUPLICATE"]
    assert row == ["host/n1/cpu", lossy, "10", "3", "0", "0"]
    assert any(line.split()[:2] == ["received", "20"] for line in ran.lines)
    everyone = minimq("stats", "host/#", "--all", broker=broker.control)
    assert [line.split()[1] for line in everyone.lines[-2:]] == [lossy, complete]
    counted, *producers = minimq("stats", "host/n2/#", "--json", broker=broker.control).objects
    assert (counted["kind"], counted["records_appended"]) == ("broker", 20)
    assert [(each["kind"], each["topic"], each["missing"]) for each in producers] == [("producer", "host/n2/cpu", 0)]


def test_a_broker_that_has_done_nothing_says_so(broker: BrokerProcess) -> None:
    ran = minimq("stats", broker=broker.control)
    assert (ran.code, ran.err) == (0, "")
    assert [line.split()[1] for line in ran.lines] == ["0"] * len(ran.lines)


def test_without_a_broker_one_line_names_the_endpoint() -> None:
    with nobody() as endpoint:
        ran = minimq("stats", "--timeout", "0.5", broker=endpoint)
    assert (ran.code, ran.out) == (1, "")
    assert endpoint in ran.complaint
