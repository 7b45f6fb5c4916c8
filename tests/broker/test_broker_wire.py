"""The broker from outside, by ``docs/wire.md`` alone: one stream of bytes, live, on disk and in a replay."""

from __future__ import annotations

import time
from typing import Any

import msgpack
import pytest
from broker_process import BrokerProcess
from conftest import SocketFactory, StartBroker
from raw_wire import (
    BATCH,
    DURABLE,
    UNSTORED,
    WRITTEN,
    ZSTD,
    Peer,
    acks,
    answer_to,
    batch,
    make,
    on_disk,
    read,
    receive,
    take_apart,
)
from waiting import eventually

TOPIC = b"host/node1/cpu"
PRODUCED_BYTES = 40


@pytest.fixture
def peer(broker: BrokerProcess, socket: SocketFactory) -> Peer:
    return Peer(broker, socket)


def after_head(frame: bytes) -> int:
    return frame.index(0) + 1


def test_pushed_bytes_come_out_with_the_last_24_of_the_header_filled_in_and_no_other_changed(peer: Peer) -> None:
    live, push = peer.hear(TOPIC + b"\0"), peer.pusher()
    before = time.time_ns()
    sent = [make(TOPIC, b"record %d" % n, producer=7, sequence=n, stamp=bytes([n] * 24)) for n in range(50)]
    for frame in sent:
        push.send(frame)
    epoch = peer.ask("hello")["epoch"]
    appended = before
    for number, (mine, theirs) in enumerate(zip(sent, receive(live, 50), strict=True)):
        stamp_at = after_head(mine) + PRODUCED_BYTES
        assert theirs[:stamp_at] == mine[:stamp_at]
        assert theirs[stamp_at + 24 :] == mine[stamp_at + 24 :]
        stamped = read(theirs)
        assert (stamped.offset, stamped.epoch) == (number, epoch)
        assert appended <= stamped.appended <= time.time_ns()
        appended = stamped.appended


BODIES = {
    "an empty record": (0, 1, b""),
    "a record of zeros": (0, 1, bytes(300)),
    "a batch": (BATCH, 3, batch(b"a", b"", b"c" * 300)),
    "a batch of one": (BATCH, 1, batch(b"only")),
    "compressed": (ZSTD, 1, bytes.fromhex("28b52ffd 20 03 190000") + b"abc"),
    "a compressed batch": (ZSTD | BATCH, 1, bytes.fromhex("28b52ffd 20 04 210000") + batch(b"x").ljust(4)[:4]),
    "a frame in a frame": (0, 1, make(TOPIC, b"inner")),
    "as large as may be": (0, 1, b"x" * ((1 << 20) - len(TOPIC) - 65)),
}


def test_live_disk_and_replay_hold_the_same_bytes(peer: Peer) -> None:
    live, push = peer.hear(b""), peer.pusher()
    records = 0
    for flags, count, body in BODIES.values():
        push.send(make(TOPIC, body, flags=flags, count=count, sequence=records))
        records += count
    seen = receive(live, len(BODIES))
    assert [read(frame).body for frame in seen] == [body for _, _, body in BODIES.values()]
    assert [read(frame).offset for frame in seen] == [0, 1, 2, 5, 6, 7, 8, 9]
    assert on_disk(peer.broker.data, "host/node1/cpu") == b"".join(seen)
    assert peer.journal("host/node1/cpu") == b"".join(seen)


def test_offsets_are_dense_and_in_the_order_pushed_within_each_topic(peer: Peer) -> None:
    live, push = peer.hear(b"many/"), peer.pusher()
    topics = [b"many/%d" % number for number in range(20)]
    for number in range(100):
        for topic in topics:
            push.send(make(topic, b"%d" % number, producer=1, sequence=number))
    seen: dict[bytes, list[tuple[int, bytes]]] = {}
    for frame in map(read, receive(live, 2_000)):
        seen.setdefault(frame.topic, []).append((frame.offset, frame.body))
    assert seen == {topic: [(number, b"%d" % number) for number in range(100)] for topic in topics}


def test_an_exact_subscription_does_not_see_a_longer_topic(peer: Peer) -> None:
    live, push = peer.hear(b"host/a\0"), peer.pusher()
    for topic in (b"host/ab", b"host/a", b"host/a/b", b"host", b"host/a-", b"host/a"):
        push.send(make(topic, topic))
    assert [read(frame).topic for frame in receive(live, 2)] == [b"host/a"] * 2
    peer.probe(live)
    assert read(live.recv()).topic == b"probe"


def test_segments_hold_the_stream_across_their_borders(start_broker: StartBroker, socket: SocketFactory) -> None:
    peer = Peer(start_broker(MINIMQ_SEGMENT_BYTES="4096"), socket)
    live, push = peer.hear(TOPIC + b"\0"), peer.pusher()
    seen = b""
    for number in range(100):
        push.send(make(TOPIC, b"x" * 400, sequence=number))
        seen += receive(live, 1)[0]
    segments = sorted((peer.broker.data / "topics/host/node1/cpu").glob("@*.log"))
    assert len(segments) > 10
    assert [int(path.stem[1:]) for path in segments] == [
        next(take_apart(path.read_bytes())).offset for path in segments
    ]
    assert on_disk(peer.broker.data, "host/node1/cpu") == seen == peer.journal("host/node1/cpu")


# --- produced with acknowledgement --------------------------------------------------------------------------------


@pytest.mark.parametrize(("wanted", "level"), [(WRITTEN, 1), (DURABLE, 2)])
def test_a_produced_frame_is_acknowledged_appended_and_published(peer: Peer, wanted: int, level: int) -> None:
    live, dealer = peer.hear(TOPIC + b"\0"), peer.dealer()
    dealer.send(make(TOPIC, batch(b"a", b"b"), flags=wanted | BATCH, count=2, producer=9, sequence=0))
    dealer.send(make(TOPIC, b"c", flags=wanted, producer=9, sequence=2))
    found = acks(dealer, 2)
    topic = TOPIC.decode()
    assert found == {(topic, 9, 0): (0, level), (topic, 9, 2): (2, level)}
    assert on_disk(peer.broker.data, topic) == b"".join(receive(live, 2))


def test_written_does_not_wait_for_the_sync_that_durable_waits_for(
    start_broker: StartBroker, socket: SocketFactory
) -> None:
    peer = Peer(start_broker(MINIMQ_SYNC_INTERVAL_S="3600"), socket)
    dealer = peer.dealer()
    dealer.send(make(TOPIC, b"a", flags=WRITTEN, producer=1, sequence=0))
    acks(dealer, 1)
    assert peer.stats()["syncs"] == 0
    dealer.send(make(TOPIC, b"b", flags=DURABLE, producer=1, sequence=1))
    acks(dealer, 1)
    assert peer.stats()["syncs"] == 1


def test_what_is_pushed_and_what_is_produced_share_the_offsets_of_a_topic(peer: Peer) -> None:
    push, dealer, live = peer.pusher(), peer.dealer(), peer.hear(TOPIC + b"\0")
    for number in range(20):
        push.send(make(TOPIC, b"pushed", producer=1, sequence=number))
        dealer.send(make(TOPIC, b"produced", flags=WRITTEN, producer=2, sequence=number))
    acks(dealer, 20)
    assert [read(frame).offset for frame in receive(live, 40)] == list(range(40))


def test_many_clients_get_each_their_own_acknowledgements(peer: Peer) -> None:
    dealers = [peer.dealer() for _ in range(10)]
    for number in range(20):
        for who, dealer in enumerate(dealers):
            dealer.send(make(TOPIC, b"x", flags=DURABLE if who % 2 else WRITTEN, producer=who + 1, sequence=number))
    offsets = set()
    for who, dealer in enumerate(dealers):
        found = acks(dealer, 20)
        assert set(found) == {(TOPIC.decode(), who + 1, number) for number in range(20)}
        offsets |= {offset for offset, _ in found.values()}
    assert offsets == set(range(200))


# --- questions ----------------------------------------------------------------------------------------------------


def test_hello_names_the_version_the_ports_and_the_limit(peer: Peer) -> None:
    found = peer.ask("hello", protocol=1)
    ports = {name: int(endpoint.rpartition(":")[2]) for name, endpoint in peer.broker.endpoints.items()}
    assert {name: found[name] for name in ports} == ports
    assert (found["protocol"], found["frame_bytes_max"], found["host"]) == (1, 1 << 20, None)


def test_a_version_that_is_not_spoken_is_told_the_one_that_is(peer: Peer) -> None:
    found = peer.ask("hello", protocol=2)
    assert (found["op"], found["error"], found["facts"]) == ("failure", "unsupported_protocol", {"protocol": 1})


def test_a_fetch_comes_in_slices_within_its_credit_and_goes_on_without_a_hole(peer: Peer) -> None:
    dealer = peer.dealer()
    for number in range(100):
        dealer.send(make(TOPIC, b"x" * 20_000, flags=WRITTEN, producer=1, sequence=number))
    acks(dealer, 100)
    replies: list[dict[str, Any]] = []
    dealer.send(msgpack.packb({"op": "fetch", "id": 5, "topic": TOPIC.decode(), "offset": 10, "credit": 1 << 20}))
    while not replies or replies[-1]["more"]:
        replies.append(answer_to(dealer, 5))
    frames = [frame for reply in replies for frame in take_apart(reply["frames"])]
    assert len(replies) > 3
    assert [frame.offset for frame in frames] == list(range(10, replies[-1]["next"]))
    size = sum(len(reply["frames"]) for reply in replies)
    assert 1 << 20 <= size < (1 << 20) + 2 * 20_100
    assert {reply["end"] for reply in replies} == {100}


def test_one_frame_comes_however_small_the_credit(peer: Peer) -> None:
    dealer = peer.dealer()
    dealer.send(make(TOPIC, batch(b"a", b"b", b"c"), flags=WRITTEN | BATCH, count=3))
    acks(dealer, 1)
    found = peer.ask("fetch", topic=TOPIC.decode(), offset=1, credit=0)
    assert [frame.offset for frame in take_apart(found["frames"])] == [0]
    assert (found["next"], found["end"], found["more"]) == (3, 3, False)


def test_a_topic_that_nobody_has_written_to_is_empty(peer: Peer) -> None:
    found = peer.ask("fetch", topic="not/there", offset=0)
    assert (found["frames"], found["next"], found["epoch"], found["end"]) == (b"", 0, 0, 0)
    assert peer.ask("offset_at", topic="not/there", time=0)["offset"] == 0


def test_a_position_that_the_journal_does_not_hold_is_answered_rewound(peer: Peer) -> None:
    dealer = peer.dealer()
    dealer.send(make(TOPIC, b"a", flags=WRITTEN))
    acks(dealer, 1)
    epoch = peer.ask("hello")["epoch"]
    for offset, other, end in ((2, None, 1), (2, epoch, 1), (1, epoch - 1, 0)):
        found = peer.ask("fetch", topic=TOPIC.decode(), offset=offset, epoch=other)
        assert (found["op"], found["error"]) == ("failure", "rewound")
        assert found["facts"] == {"topic": TOPIC.decode(), "wanted": offset, "end": end}


def test_heads_last_topics_and_offsets_by_time(peer: Peer) -> None:
    dealer = peer.dealer()
    names = [f"t/{letter}" for letter in "abc"]
    for name in names:
        for number in range(2):
            dealer.send(make(name.encode(), b"%d" % number, flags=WRITTEN, sequence=number))
    acks(dealer, 6)
    epoch = peer.ask("hello")["epoch"]
    heads = peer.ask("heads", patterns=["t/#"])
    assert heads["heads"] == [[name, 2, epoch] for name in names]
    assert peer.ask("heads", patterns=["t/#"], since=heads["token"])["heads"] == []
    dealer.send(make(b"t/b", b"2", flags=WRITTEN, sequence=2))
    acks(dealer, 1)
    assert peer.ask("heads", patterns=["t/#"], since=heads["token"])["heads"] == [["t/b", 3, epoch]]
    last = [(frame.topic, frame.body) for frame in take_apart(peer.ask("last", patterns=["t/+"])["frames"])]
    assert last == [(b"t/a", b"1"), (b"t/b", b"2"), (b"t/c", b"1")]
    rows = peer.ask("topics", patterns=["t/b", "t/c"])["topics"]
    assert [row[:3] for row in rows] == [["t/b", 0, 3], ["t/c", 0, 2]]
    assert rows[0][3] == len(on_disk(peer.broker.data, "t/b"))
    appended = [frame.appended for frame in take_apart(peer.journal("t/b"))]
    assert peer.ask("offset_at", topic="t/b", time=appended[2])["offset"] == 2
    assert peer.ask("offset_at", topic="t/b", time=appended[2] + 1)["offset"] == 3


def test_many_topics_come_in_pages(peer: Peer) -> None:
    dealer = peer.dealer()
    names = sorted(f"p/{number}" for number in range(2_100))
    for name in names:
        dealer.send(make(name.encode(), b"", flags=WRITTEN))
    acks(dealer, len(names))
    for op, rows in (("heads", "heads"), ("topics", "topics")):
        found, after = [], None
        while True:
            page = peer.ask(op, patterns=["p/+"], after=after)
            found += [row[0] for row in page[rows]]
            if (after := page["after"]) is None:
                break
        assert found == names


def test_a_question_that_cannot_be_understood_is_refused_by_its_number(peer: Peer) -> None:
    requests: list[dict[str, Any]] = [
        {"op": "nonsense"},
        {"op": "fetch"},
        {"op": "fetch", "topic": b"a", "offset": 0},
        {"op": "fetch", "topic": "a", "offset": -1},
        {"op": "heads", "patterns": []},
        {"op": "heads", "patterns": ["a//b"]},
        {"op": "last", "patterns": ["x"] * 257},
        {"op": "welcome"},
        {"op": "frames", "topic": "a", "frames": b"", "next": 0, "epoch": 0, "end": 0},
    ]
    for request in requests:
        found = peer.ask(**request)
        assert (found["op"], found["error"]) == ("failure", "bad_request"), request


def test_unknown_keys_are_ignored(peer: Peer) -> None:
    assert peer.ask("stats", later=[1, {"x": None}])["op"] == "stats_report"


def test_what_no_subscriber_was_there_for_is_in_the_journal(peer: Peer) -> None:
    push = peer.pusher()
    for number in range(10):
        push.send(make(TOPIC, b"%d" % number))
    peer.hear(b"")
    bodies = [frame.body for frame in take_apart(peer.journal(TOPIC.decode()))]
    assert bodies == [b"%d" % number for number in range(10)]
    assert UNSTORED not in [frame.offset for frame in take_apart(peer.journal(TOPIC.decode()))]


# --- deleting -----------------------------------------------------------------------------------------------------


def test_what_was_sent_before_a_deletion_goes_and_what_comes_after_it_stays(peer: Peer) -> None:
    """All of it on one connection, with nothing waited for in between."""
    dealer = peer.dealer()
    for number in range(3):
        dealer.send(make(TOPIC, b"old", flags=WRITTEN, producer=7, sequence=number))
    dealer.send(msgpack.packb({"op": "delete", "id": 5, "topics": [TOPIC.decode(), "nobody"]}))
    dealer.send(make(TOPIC, b"new", flags=WRITTEN, producer=7, sequence=3))
    answer = answer_to(dealer, 5)
    assert answer["op"] == "deleted"
    assert answer["topics"] == [[TOPIC.decode(), 3, peer.ask("hello")["epoch"]]]
    frames = eventually(lambda: peer.ask("fetch", topic=TOPIC.decode(), offset=3)["frames"])
    assert [(each.offset, each.body) for each in take_apart(frames)] == [(3, b"new")]
    assert peer.ask("fetch", topic=TOPIC.decode(), offset=2)["error"] == "trimmed"


@pytest.mark.parametrize(
    "topics", [["_mq/consumers"], ["a", "_mq"], ["a/"], [""], ["a b"], [], ["a"] * 257, "a", [1]], ids=str
)
def test_what_is_no_list_of_topics_that_may_be_deleted_is_refused(peer: Peer, topics: Any) -> None:
    assert peer.ask("delete", topics=topics)["error"] == "bad_request"
    assert peer.ask("hello")["op"] == "welcome"
