"""Requests about consumers as other programs send them: bad ones are answered, and the broker stays as it was."""

from __future__ import annotations

from typing import Any

import msgpack
import pytest
from broker_process import BrokerProcess
from conftest import SocketFactory
from raw_wire import WRITTEN, Peer, acks, make

ME: dict[str, Any] = {"consumer": "crew", "member": 7}
JOIN: dict[str, Any] = {**ME, "label": "me", "patterns": ["jobs/#"], "shared": True}


@pytest.fixture
def peer(broker: BrokerProcess, socket: SocketFactory) -> Peer:
    peer = Peer(broker, socket)
    dealer = peer.dealer()
    dealer.send(make(b"jobs/a", b"x", flags=WRITTEN))
    acks(dealer, 1)
    return peer


@pytest.mark.parametrize(
    ("op", "fields"),
    [
        ("join", {**JOIN, "consumer": "a/b"}),
        ("join", {**JOIN, "patterns": []}),
        ("join", {**JOIN, "member": -1}),
        ("commit", {**ME, "positions": [["jobs/a", 1]]}),
        ("commit", {**ME, "positions": {"jobs/a": 1}}),
        ("lease", {**ME, "count": 2**64 - 1}),
        ("settle", {**ME, "done": [["jobs/a", 0, 1]]}),
        ("agreed", {}),
    ],
)
def test_a_bad_request_is_told_so(peer: Peer, op: str, fields: dict[str, Any]) -> None:
    assert peer.ask("join", **JOIN)["op"] == "agreed"
    reply = peer.ask(op, **fields)
    assert (reply["op"], reply["error"]) == ("failure", "bad_request")
    assert peer.ask("lease", **ME, count=5)["leases"] == [["jobs/a", 0, 1, 1]]


def test_what_was_never_given_out_cannot_be_settled_and_is_told_by_row(peer: Peer) -> None:
    peer.ask("join", **JOIN)
    reply = peer.ask("settle", **ME, done=[["jobs/a", 0, 9], ["other", 3, 4]], failed=[], unused=[])
    assert reply["unheld"] == [["jobs/a", 0, 9], ["other", 3, 4]]
    assert peer.ask("lease", **ME, count=5)["leases"] == [["jobs/a", 0, 1, 1]]


def test_an_answer_that_was_lost_can_be_had_again(peer: Peer) -> None:
    peer.ask("join", **JOIN)
    first = peer.ask("lease", **ME, count=5)["leases"]
    peer.broker.kill()
    peer.broker.restart()
    assert peer.ask("lease", **ME, count=5, again=True)["leases"] == first
    for _ in range(2):
        assert peer.ask("settle", **ME, done=[["jobs/a", 0, 1]], failed=[], unused=[])["unheld"] == []


def test_a_flood_of_requests_is_bounded_and_keeps_nobody_from_an_answer(peer: Peer, socket: SocketFactory) -> None:
    peer.ask("join", **JOIN)
    flood = peer.dealer()
    other = Peer(peer.broker, socket)
    for _ in range(3):
        for _ in range(500):
            flood.send(msgpack.packb({"op": "positions", "id": 1, "consumer": "crew"}))
        assert other.ask("hello")["op"] == "welcome"
    answers = [msgpack.unpackb(flood.recv()) for _ in range(1_500)]
    assert {reply.get("error") or reply["op"] for reply in answers} <= {"position_list", "busy"}
