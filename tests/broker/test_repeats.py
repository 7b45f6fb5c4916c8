"""Retries against a real broker: stored once, whatever died in between; what cannot be known is said."""

from __future__ import annotations

import msgpack
import pytest
from broker_process import BrokerProcess
from conftest import SocketFactory, StartBroker
from raw_wire import BATCH, DURABLE, WRITTEN, Peer, acks, answer_to, batch, make, on_disk, take_apart

TOPIC = b"host/n1/cpu"
NAME = TOPIC.decode()


@pytest.fixture
def peer(broker: BrokerProcess, socket: SocketFactory) -> Peer:
    return Peer(broker, socket)


def frame(sequence: int, body: bytes | None = None, *, flags: int = WRITTEN, producer: int = 7) -> bytes:
    text = b"%d of %d" % (sequence, producer) if body is None else body
    return make(TOPIC, text, flags=flags, producer=producer, sequence=sequence, produced=1)


def nack(peer: Peer, message: bytes) -> tuple[str, int | None]:
    """Send a frame on a connection of its own; it has to be refused."""
    dealer = peer.dealer()
    dealer.send(message)
    found = answer_to(dealer, 0)
    assert found["op"] == "nack"
    return found["reason"], found["expected"]


def ack(peer: Peer, message: bytes) -> tuple[int, int]:
    """Send a frame on a connection of its own; return the offset and the level that it is acknowledged with."""
    dealer = peer.dealer()
    dealer.send(message)
    ((_, found),) = acks(dealer, 1).items()
    return found


@pytest.mark.parametrize("again", [WRITTEN, DURABLE])
@pytest.mark.parametrize("restart", ["none", "stopped", "killed"])
def test_a_retry_is_stored_once_and_gets_its_first_offset(peer: Peer, restart: str, again: int) -> None:
    for number in range(5):
        assert ack(peer, frame(number, flags=again)) == (number, 1 if again == WRITTEN else 2)
    if restart == "killed":
        peer.broker.kill()
    if restart != "none":
        peer.broker.restart()
    for number in (4, 0, 3):
        assert ack(peer, frame(number, flags=again)) == (number, 1 if again == WRITTEN else 2)
    assert ack(peer, frame(5, flags=again))[0] == 5
    assert len(list(take_apart(on_disk(peer.broker.data, NAME)))) == 6
    assert peer.stats()["frames_repeated"] == 3


def test_what_is_out_of_order_is_refused_with_what_was_due(peer: Peer) -> None:
    assert nack(peer, frame(3)) == ("unknown_producer", None)
    assert ack(peer, frame(0)) == (0, 1)
    assert nack(peer, frame(2)) == ("out_of_sequence", 1)
    assert nack(peer, frame(0, b"something else")) == ("sequence_overlaps", 1)
    three = make(TOPIC, batch(b"a", b"b", b"c"), flags=WRITTEN | BATCH, count=3, producer=7, sequence=1)
    assert ack(peer, three) == (1, 1)
    assert nack(peer, frame(2)) == ("sequence_overlaps", 4)
    assert ack(peer, frame(4)) == (4, 1)
    assert ack(peer, frame(0, producer=8)) == (5, 1)


def test_one_connection_may_send_a_frame_twice_before_it_is_answered(peer: Peer) -> None:
    dealer = peer.dealer()
    for _ in range(3):
        for number in range(100):
            dealer.send(frame(number))
    rows: list[list[int]] = []
    while len(rows) < 300:
        rows += msgpack.unpackb(dealer.recv())["acks"]
    assert sorted((row[2], row[3]) for row in rows) == sorted(3 * [(number, number) for number in range(100)])
    assert len(list(take_apart(on_disk(peer.broker.data, NAME)))) == 100


def test_behind_a_frame_that_is_refused_nothing_is_taken_until_it_comes_again(
    start_broker: StartBroker, socket: SocketFactory
) -> None:
    """As when one in the middle of many is told to wait."""
    peer = Peer(start_broker(MINIMQ_FRAME_BYTES_MAX="1024"), socket)
    assert ack(peer, frame(0)) == (0, 1)
    assert nack(peer, frame(1, bytes(2_000))) == ("too_large", None)
    assert nack(peer, frame(2)) == ("out_of_sequence", 1)
    assert ack(peer, frame(1)) == (1, 1)
    assert ack(peer, frame(2)) == (2, 1)


def test_what_is_pushed_is_not_counted(peer: Peer) -> None:
    push = peer.pusher()
    live = peer.hear(TOPIC + b"\0")
    for _ in range(3):
        push.send(make(TOPIC, b"x", producer=7, sequence=5))
    for _ in range(3):
        live.recv()
    assert ack(peer, frame(0)) == (3, 1)


def test_an_anonymous_frame_is_stored_as_often_as_it_is_sent(peer: Peer) -> None:
    assert [ack(peer, frame(5, producer=0))[0] for _ in range(3)] == [0, 1, 2]


def test_after_a_deletion_a_producer_goes_on_and_after_a_restart_it_is_unknown(peer: Peer) -> None:
    assert [ack(peer, frame(number))[0] for number in range(3)] == [0, 1, 2]
    assert peer.ask("delete", topics=[NAME])["op"] == "deleted"
    assert ack(peer, frame(3)) == (3, 1)
    assert peer.ask("delete", topics=[NAME])["op"] == "deleted"
    peer.broker.restart()
    assert nack(peer, frame(4)) == ("unknown_producer", None)
    assert ack(peer, frame(0, producer=9)) == (4, 1)
