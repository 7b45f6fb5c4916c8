"""Answers that wait for room: in order, within a bound, and no client behind another."""

from __future__ import annotations

from mq.broker.outbox import Outbox

ANN, BOB = b"ann", b"bob"


class Wire:
    """Takes so many messages of each client."""

    def __init__(self, **room: int) -> None:
        self.room = {client.encode(): number for client, number in room.items()}
        self.sent: list[tuple[bytes, bytes]] = []

    def __call__(self, client: bytes, message: bytes) -> bool:
        """Send, if there is room."""
        if self.room.get(client, 0) < 1:
            return False
        self.room[client] -= 1
        self.sent.append((client, message))
        return True


def test_what_is_kept_goes_out_in_order_as_there_is_room_and_no_client_waits_for_another() -> None:
    outbox = Outbox(100, 100)
    for message in (b"1", b"2", b"3"):
        assert outbox.keep(ANN, message)
        assert outbox.keep(BOB, message)
    wire = Wire(ann=0, bob=2)
    outbox.flush(wire)
    assert wire.sent == [(BOB, b"1"), (BOB, b"2")]
    assert (outbox.holds(ANN), outbox.holds(BOB)) == (True, True)
    wire.room = {ANN: 9, BOB: 9}
    outbox.flush(wire)
    assert wire.sent[2:] == [(ANN, b"1"), (ANN, b"2"), (ANN, b"3"), (BOB, b"3")]
    assert not outbox
    assert not outbox.holds(ANN)


def test_it_takes_no_more_than_its_bound_and_room_comes_back() -> None:
    outbox = Outbox(10, 10)
    assert outbox.keep(ANN, b"12345")
    assert outbox.keep(BOB, b"12345")
    assert not outbox.keep(ANN, b"6")
    outbox.flush(Wire(bob=1))
    assert outbox.keep(ANN, b"67890")
    assert not outbox.keep(BOB, b"x")


def test_a_client_that_never_reads_leaves_room_for_the_others() -> None:
    outbox = Outbox(10, 6)
    assert outbox.keep(ANN, b"123456")
    assert not outbox.keep(ANN, b"7")
    assert outbox.keep(BOB, b"1234")
    outbox.flush(Wire(ann=1))
    assert not outbox.holds(ANN)
    assert outbox.keep(ANN, b"123456")


def test_what_does_not_fit_leaves_nothing_behind() -> None:
    outbox = Outbox(10, 6)
    assert not outbox.keep(ANN, b"1234567")
    assert not outbox.holds(ANN)
    assert not outbox
