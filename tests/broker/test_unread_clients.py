"""Clients that ask and do not read: a bounded memory in all, whatever they ask for; others are answered meanwhile."""

from __future__ import annotations

import msgpack
import psutil
import pytest
import zmq
from conftest import SocketFactory, StartBroker
from raw_wire import Peer, take_apart
from waiting import eventually

import mq

CLIENTS, FETCHES = 100, 30
UNREAD_BYTES_MAX = 64 << 20
BESIDE_BYTES = 96 << 20  # what the reading itself takes, and the connections
RECORDS = 200


def fill(control: str) -> None:
    """Store 40 MB in one topic."""
    with mq.Producer(control, "written") as producer:
        for _ in range(RECORDS):
            producer.send_many("bulk/a", [b"z" * 1_000] * 200)


@pytest.mark.slow
def test_a_hundred_clients_that_fetch_and_do_not_read_take_a_bounded_memory_and_others_are_served(
    start_broker: StartBroker, socket: SocketFactory
) -> None:
    broker = start_broker()
    fill(broker.control)
    memory = psutil.Process(broker.process.pid).memory_info
    before = memory().rss
    for _ in range(CLIENTS):
        greedy = socket(zmq.DEALER)
        greedy.rcvhwm = 1
        greedy.connect(broker.control)
        for number in range(FETCHES):
            asked = {"op": "fetch", "id": number + 1, "topic": "bulk/a", "offset": 0, "credit": 2**63}
            greedy.send(msgpack.packb(asked))
    for _ in range(3):
        with mq.replay(broker.control, "bulk/a", timeout_s=60) as replay:
            assert sum(len(each.records) for each in replay.batches()) == RECORDS * 200
    assert memory().rss - before < UNREAD_BYTES_MAX + BESIDE_BYTES


def test_a_client_that_reads_late_has_all_slices_in_order_and_none_is_dropped(
    start_broker: StartBroker, socket: SocketFactory
) -> None:
    broker = start_broker(MINIMQ_UNREAD_BYTES_MAX="1048576")
    fill(broker.control)
    late = socket(zmq.DEALER)
    late.rcvhwm = 1
    late.connect(broker.control)
    for number in (1, 2):
        late.send(msgpack.packb({"op": "fetch", "id": number, "topic": "bulk/a", "offset": 0, "credit": 8 << 20}))
    with mq.replay(broker.control, "bulk/a") as replay:
        assert sum(len(each.records) for each in replay.batches()) == RECORDS * 200
    at = {1: 0, 2: 0}
    open_ = {1, 2}
    while open_:
        reply = msgpack.unpackb(late.recv())
        frames = list(take_apart(reply["frames"]))
        assert frames[0].offset == at[reply["id"]]
        at[reply["id"]] = reply["next"]
        if not reply["more"]:
            open_.remove(reply["id"])
    assert at[1] == at[2] > 8_000
    assert Peer(broker, socket).stats()["replies_dropped"] == 0


@pytest.mark.slow
def test_a_client_that_takes_nothing_is_cut_off_and_keeps_nobody_from_asking_any_more(
    start_broker: StartBroker, socket: SocketFactory
) -> None:
    broker = start_broker(MINIMQ_REQUESTS_WAITING_MAX="8", MINIMQ_REQUESTS_PER_CLIENT_MAX="8")
    fill(broker.control)
    stuck = socket(zmq.DEALER)
    stuck.rcvhwm = 1
    stuck.connect(broker.control)
    for number in range(8):
        stuck.send(msgpack.packb({"op": "fetch", "id": number, "topic": "bulk/a", "offset": 0, "credit": 8 << 20}))
    peer = Peer(broker, socket)
    eventually(lambda: peer.stats()["replies_dropped"] >= 8)
    with mq.replay(broker.control, "bulk/a") as replay:
        assert sum(len(each.records) for each in replay.batches()) == RECORDS * 200
