"""``minimq consumers`` against real brokers: who reads how far, set back, deleted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from broker_process import BrokerProcess
from cli_kit import minimq, nobody, store
from waiting import eventually

import mq

StartBroker = Callable[..., BrokerProcess]
TOPICS = ("host/n1/cpu", "host/n2/cpu")


def read(broker: BrokerProcess, count: int, name: str = "reports") -> list[bytes]:
    with mq.Subscriber(broker.control, "host/#", consumer=name) as subscriber:
        found = [subscriber.receive(10) for _ in range(count)]
        subscriber.commit()
    return sorted(message.body for message in found if message)


def test_a_list_shows_members_positions_and_lag(broker: BrokerProcess) -> None:
    store(broker, TOPICS[0], b"0", b"1", b"2", b"3")
    with mq.Subscriber(broker.control, "host/#", consumer="reports") as subscriber:
        for _ in range(3):
            subscriber.receive(10)
        subscriber.commit()
        (shown,) = minimq("consumers", "--json", broker=broker.control).objects
        assert (shown["consumer"], shown["shared"], len(shown["members"])) == ("reports", False, 1)
        (topic,) = shown["topics"]
        assert (topic["topic"], topic["position"], topic["lag"], topic["trimmed"]) == (TOPICS[0], 3, 1, False)
        assert 0 <= topic["lag_s"] < 60
        for_people = minimq("consumers", broker=broker.control)
        assert for_people.lines[0] == f"reports: held by {shown['members'][0]}"
        assert for_people.lines[2].split()[:3] == [TOPICS[0], "3", "1"]
    (left,) = minimq("consumers", "--json", broker=broker.control).objects
    assert left["members"] == []


def test_right_after_trimming_the_lag_counts_what_is_kept(start_broker: StartBroker) -> None:
    settings = {"MINIMQ_SEGMENT_BYTES": "4096", "MINIMQ_TOPIC_BYTES_MAX": "4096", "MINIMQ_SYNC_INTERVAL_S": "0.01"}
    broker = start_broker(**settings)
    store(broker, TOPICS[0], b"0", b"1")
    read(broker, 1)
    for _ in range(4):
        store(broker, TOPICS[0], *[bytes(1000)] * 5)

    def shown_between_two_trims() -> dict[str, Any] | None:
        before = minimq("topics", "--json", broker=broker.control).objects[0]
        (shown,) = minimq("consumers", "--json", broker=broker.control).objects
        after = minimq("topics", "--json", broker=broker.control).objects[0]
        return {**shown["topics"][0], **after} if before == after and after["first"] > 1 else None

    shown = eventually(shown_between_two_trims)
    assert shown is not None
    assert (shown["position"], shown["trimmed"], shown["next"]) == (1, True, 22)
    assert shown["lag"] == 22 - shown["first"]


@pytest.mark.parametrize("shared", [False, True])
def test_topics_that_are_a_consumers_and_that_it_has_not_met_are_listed_from_what_is_kept(
    broker: BrokerProcess, shared: bool
) -> None:
    store(broker, TOPICS[0], b"0")
    if shared:
        with mq.SharedConsumer(broker.control, "host/#", consumer="reports") as consumer:
            message = consumer.receive(10)
            assert message is not None
            consumer.done(message)
    else:
        read(broker, 1)
    store(broker, TOPICS[1], b"1", b"2")
    store(broker, "other", b"3")
    for _ in range(2):
        (shown,) = minimq("consumers", "--json", broker=broker.control).objects
        rows = [(row["topic"], row["position"], row["lag"], row["open"]) for row in shown["topics"]]
        assert rows == [(TOPICS[0], 1, 0, 0), (TOPICS[1], 0, 2, 0)]
        assert shown["topics"][1]["lag_s"] >= 0
        broker.restart()


@pytest.mark.parametrize("shared", [False, True])
def test_a_reset_touches_no_topic_that_is_not_the_consumers(broker: BrokerProcess, shared: bool) -> None:
    store(broker, TOPICS[0], b"0")
    store(broker, "other", b"1")
    if shared:
        with mq.SharedConsumer(broker.control, "host/#", consumer="reports") as consumer:
            assert consumer.receive(10) is not None
    else:
        read(broker, 1)
    ran = minimq("consumers", "reset", "reports", "--to", "end", broker=broker.control)
    assert ran.lines == ["reports goes on there in 1 topic"]
    none = minimq("consumers", "reset", "reports", "other", "--to", "end", broker=broker.control)
    assert (none.code, none.out) == (1, "")
    assert "no topic of reports matches other" in none.complaint
    (shown,) = minimq("consumers", "--json", broker=broker.control).objects
    assert [row["topic"] for row in shown["topics"]] == [TOPICS[0]]


@pytest.mark.parametrize(
    ("to", "pattern", "left"),
    [
        ("beginning", "#", [b"0", b"1", b"2", b"3"]),
        ("end", "#", []),
        ("1", "#", [b"1", b"3"]),
        ("-1h", "host/n1/+", [b"0", b"1"]),
        ("99", "host/n2/cpu", []),
    ],
)
def test_a_consumer_is_set_to_a_point(broker: BrokerProcess, to: str, pattern: str, left: list[bytes]) -> None:
    store(broker, TOPICS[0], b"0", b"1")
    store(broker, TOPICS[1], b"2", b"3")
    assert len(read(broker, 4)) == 4
    ran = minimq("consumers", "reset", "reports", pattern, "--to", to, broker=broker.control)
    assert (ran.code, ran.err) == (0, "")
    assert read(broker, len(left)) == left
    (shown,) = minimq("consumers", "--json", broker=broker.control).objects
    assert [topic["lag"] for topic in shown["topics"]] == [0, 0]


def test_an_offset_that_a_topic_does_not_have_is_said_to_be_another_there(broker: BrokerProcess) -> None:
    store(broker, TOPICS[0], b"0", b"1", b"2", b"3")
    store(broker, TOPICS[1], b"0")
    read(broker, 5)
    ran = minimq("consumers", "reset", "reports", "host/#", "--to", "3", broker=broker.control)
    assert ran.lines == ["reports goes on there in 2 topics", f"{TOPICS[1]}: at 1, the nearest to 3 that there is"]


def test_one_that_is_at_work_is_neither_reset_nor_deleted(broker: BrokerProcess) -> None:
    store(broker, TOPICS[0], b"0")
    with mq.Subscriber(broker.control, "host/#", consumer="reports") as subscriber:
        subscriber.receive(10)
        for words in (["reset", "reports", "--to", "beginning"], ["delete", "reports", "--yes"]):
            ran = minimq("consumers", *words, broker=broker.control)
            assert (ran.code, ran.out) == (1, "")
            assert "held by" in ran.complaint


def test_deleting_needs_a_yes_and_is_for_good(broker: BrokerProcess) -> None:
    store(broker, TOPICS[0], b"0")
    read(broker, 1)
    unasked = minimq("consumers", "delete", "reports", broker=broker.control)
    assert (unasked.code, unasked.out) == (1, "")
    assert "--yes" in unasked.complaint
    assert minimq("consumers", "delete", "reports", "--yes", broker=broker.control).lines == ["reports is deleted"]
    broker.kill()
    broker.restart()
    nothing = minimq("consumers", broker=broker.control)
    assert (nothing.code, nothing.out, nothing.complaint) == (0, "", "no consumers yet")
    assert read(broker, 1) == [b"0"]


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (["reset", "nobody", "--to", "end"], 1, "no consumer nobody"),
        (["reset", "nobody", "other/#", "--to", "end"], 1, "no consumer nobody"),
        (["reset", "nobody", "--to", "tomorrow"], 2, "'tomorrow' is not"),
        (["reset", "nobody"], 2, "say where to"),
        (["delete", "nobody", "--yes"], 1, "no consumer nobody"),
        (["delete", "a/b", "--yes"], 1, "no consumer's name"),
    ],
)
def test_what_cannot_be_done_is_said(broker: BrokerProcess, words: list[str], code: int, why: str) -> None:
    store(broker, TOPICS[0], b"0")
    ran = minimq("consumers", *words, broker=broker.control)
    assert (ran.code, ran.out) == (code, "")
    assert why in ran.err


def test_without_a_broker_one_line_names_the_endpoint() -> None:
    with nobody() as endpoint:
        ran = minimq("consumers", "--timeout", "0.5", broker=endpoint)
    assert (ran.code, ran.out) == (1, "")
    assert endpoint in ran.complaint
