"""The facts over control come to the same metrics as those inside of the broker."""

from __future__ import annotations

import pytest
from broker_process import BrokerProcess
from conftest import SocketFactory
from metrics_kit import DETAIL, Found, everything_told, found, of, page, rows, sample
from waiting import eventually

import mq
from mq.client.link import Link
from mq.errors import Unreachable
from mq.metrics.asking import gather

OF_ITS_OWN = ("process_", "minimq_request", "minimq_connections", "minimq_sync", "minimq_queue", "minimq_host_last")


def asked(broker: BrokerProcess, nodes_max: int = 1_000) -> Found:
    """Return what is told by who asks over control."""
    with Link(broker.control) as link:
        return found(page(gather(link, nodes_max)))


def without_what_moves(told: Found) -> Found:
    """Leave out what asking itself changes, and times, which differ by how they were learnt."""
    return {key: number for key, number in told.items() if not key[0].startswith(OF_ITS_OWN)}


def test_who_asks_over_control_tells_the_same(broker: BrokerProcess, socket: SocketFactory) -> None:
    with everything_told(broker, socket):
        eventually(lambda: without_what_moves(asked(broker)) == without_what_moves(rows(broker)))
        told = asked(broker)
    assert {name for name, _ in told} >= {name for name, _ in rows(broker) if not name.startswith("process_")}
    assert of(told, "minimq_host_cpu_utilization_ratio", "node") == {("n1",): 0.25}
    assert of(told, "minimq_consumer_lag_records", "consumer") == {("reports",): 3}


def test_nodes_beyond_the_bound_are_left_out_and_topics_of_many_pages_are_all_there(broker: BrokerProcess) -> None:
    with mq.Producer(broker.control, "written") as producer:
        for number in range(2_100):
            producer.send(f"t/{number}", b"x")
        for node in ("n3", "n1", "n2"):
            for metric in DETAIL:
                producer.send(f"host/{node}/{metric}", sample(node, metric))
        producer.flush(20)
    told = asked(broker, nodes_max=2)
    assert of(told, "minimq_topics") == {(): 2_112}
    assert of(told, "minimq_host_cpu_utilization_ratio", "node").keys() == {("n1",), ("n2",)}
    assert of(told, "minimq_host_load1", "node").keys() == {("n1",), ("n2",)}


def test_a_broker_that_is_away_is_for_the_caller_to_tell(broker: BrokerProcess) -> None:
    broker.kill()
    with Link(broker.control, 0.3) as link, pytest.raises(Unreachable):
        gather(link, 10)
