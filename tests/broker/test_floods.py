"""A client that floods: told `busy` beyond its share, while others are answered, and none of it is lost in silence."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import zmq
from broker_process import BrokerProcess
from conftest import SocketFactory, StartBroker
from raw_wire import DURABLE, Peer, acks, make

import mq

BIG = 256 << 10


@contextmanager
def flood(kind: int, endpoint: str, flags: int) -> Iterator[None]:
    """Send large frames as fast as they are taken, and read no answer, from a thread until the block ends."""
    ends, goes = threading.Event(), threading.Event()

    def run() -> None:
        with zmq.Context() as context, context.socket(kind) as socket:
            socket.linger, socket.sndtimeo = 0, 50
            socket.connect(endpoint)
            frame = make(b"flood", bytes(BIG), flags=flags)
            while not ends.is_set():
                try:
                    socket.send(frame)
                    goes.set()
                except zmq.Again:
                    continue

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert goes.wait(20)
        yield
    finally:
        ends.set()
        thread.join()


def test_beside_a_flood_on_control_others_are_acknowledged_and_never_told_busy(
    broker: BrokerProcess, socket: SocketFactory
) -> None:
    dealer = Peer(broker, socket).dealer()
    with flood(zmq.DEALER, broker.control, DURABLE):
        for number in range(30):
            dealer.send(make(b"quiet", b"x", flags=DURABLE, producer=7, sequence=number))
            assert [row[2] for row in acks(dealer, 1)] == [number]


@pytest.mark.parametrize("level", ["written", "durable"])
def test_beside_a_flood_on_ingest_who_pushes_little_and_who_waits_for_answers_are_heard(
    broker: BrokerProcess, level: str
) -> None:
    with (
        flood(zmq.PUSH, broker.ingest, 0),
        mq.Subscriber(broker.control, "quiet/#", start=0) as live,
        mq.Push(broker.ingest) as push,
        mq.Producer(broker.control, "written" if level == "written" else "durable") as producer,
    ):
        assert push.ready(20)
        for number in range(10):
            assert push.send("quiet/pushed", b"%d" % number)
            assert producer.send("quiet/produced", b"x").result(20).level == level
        heard = [live.receive(20) for _ in range(20)]
        assert [each.body for each in heard if each and each.topic == "quiet/pushed"] == [b"%d" % n for n in range(10)]


def test_a_limit_slows_a_producer_down_and_costs_it_nothing_else(
    start_broker: StartBroker, socket: SocketFactory
) -> None:
    """2,000 records at 1,000 a second in frames of 100: stored once and in order; another connection has its own."""
    broker = start_broker(MINIMQ_PRODUCER_RECORDS_S_MAX="1000")
    bodies = [b"%d" % number for number in range(2_000)]
    began = time.monotonic()
    with mq.Producer(broker.control, "written") as flooding, mq.Producer(broker.control, "written") as modest:
        acks = [flooding.send_many("flood", bodies[first : first + 100]) for first in range(0, len(bodies), 100)]
        assert [modest.send("modest", b"x").result(20).offset for _ in range(10)] == list(range(10))
        assert [ack.result(60).offset for ack in acks] == list(range(99, len(bodies), 100))
    assert time.monotonic() - began > (len(bodies) - 1_000) / 1_000
    assert [message.body for message in mq.replay(broker.control, "flood")] == bodies
    peer = Peer(broker, socket)
    assert peer.stats()["busy"]["rate"] == peer.refused("control")["busy"] > 0
