"""Whatever arrives is counted by kind, and hurts neither the broker nor a neighbour."""

from __future__ import annotations

import random
import re
import resource
import signal
import socket as tcp
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

import msgpack
import pytest
import zmq
from broker_process import BrokerProcess
from conftest import SocketFactory, StartBroker
from raw_wire import (
    WRITTEN,
    Peer,
    Socket,
    acks,
    has_spoken,
    make,
    metrics,
    peer_process,
    read,
    receive,
    refused_by_metrics,
    take_apart,
)
from test_intake import CONTROL_BAD, INGEST_BAD, TOPIC, Refused
from waiting import eventually

ANSWER_S = 5.0
ANSWER_MS = 5_000
HUGE = (4 << 20) + 1
UNREAD_BYTES_MAX = 200 << 20  # a hundred answers of the largest frames, and what the kernel holds
RANDOM = random.Random(7)  # noqa: S311 - rubbish, the same each time


class Neighbour:
    """Somebody who does everything right, before, beside and after the rest."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.push = peer.pusher()
        self.dealer = peer.dealer()
        self.live = peer.hear(b"neighbour\0")
        self.number = 0

    def is_served(self) -> None:
        """Push, produce, hear and fetch; all of it has to work."""
        for _ in range(10):
            self.push.send(make(b"neighbour", b"%d" % self.number, sequence=self.number))
            self.number += 1
        self.dealer.send(make(b"neighbour", b"asked for", flags=WRITTEN, producer=self.number))
        self.number += 1
        assert self.dealer.poll(ANSWER_MS)
        acks(self.dealer, 1)
        offsets = [read(frame).offset for frame in receive(self.live, 11)]
        assert offsets == list(range(self.number - 11, self.number))
        assert [frame.offset for frame in take_apart(self.peer.journal("neighbour"))] == list(range(self.number))
        late = self.peer.dealer()
        assert self.peer.ask("hello", late)["op"] == "welcome"


@pytest.fixture
def peer(broker: BrokerProcess, socket: SocketFactory) -> Peer:
    return Peer(broker, socket)


@pytest.fixture
def neighbour(peer: Peer) -> Iterator[Neighbour]:
    neighbour = Neighbour(peer)
    neighbour.is_served()
    yield neighbour
    neighbour.is_served()
    assert peer.broker.process.poll() is None
    assert "Traceback" not in peer.broker.log.read_text()


def port_of(endpoint: str) -> int:
    return int(endpoint.rpartition(":")[2])


def dial(endpoint: str) -> tcp.socket:
    return tcp.create_connection(("127.0.0.1", port_of(endpoint)), ANSWER_S)


def counted(peer: Peer, port: str, event: str, number: int = 1) -> None:
    """Wait until so many connections came to this; control and /metrics agree."""
    eventually(lambda: peer.stats()["connections"].get(port, {}).get(event, 0) >= number)
    assert metrics(peer.broker)[f'minimq_connections_total{{event="{event}",port="{port}"}}'] >= number


def has_gone(peer: Peer, port: str) -> bool:
    """Whether a connection to this port has ended, before it was one or after: either side may be the first to see."""
    return bool(set(peer.stats()["connections"].get(port, {})) & {"handshake_failed", "disconnected"})


# --- frames -------------------------------------------------------------------------------------------------------

# These are built for the small limit of the deciders' tests; here the limit is the default.
TOO_LARGE = ("too_large", make(TOPIC, bytes(1 << 20)))


def at_default_limit(cases: Refused) -> Refused:
    return [TOO_LARGE, *(case for case in cases if case[0] != "too_large" or len(case[1]) < 4096)]


def test_bad_frames_on_ingest_are_counted_by_kind_and_the_good_between_them_are_taken(
    peer: Peer, neighbour: Neighbour
) -> None:
    push, live, cases = peer.pusher(), peer.hear(TOPIC + b"\0"), at_default_limit(INGEST_BAD)
    for number, (_, frame) in enumerate(cases):
        push.send(frame)
        push.send(make(TOPIC, b"%d" % number, sequence=number))
    seen = list(map(read, receive(live, len(cases))))
    assert [(frame.offset, frame.body) for frame in seen] == [(n, b"%d" % n) for n in range(len(cases))]
    expected = Counter(kind for kind, _ in cases)
    assert peer.refused("ingest") == refused_by_metrics(peer.broker, "ingest") == expected


def test_bad_frames_on_control_are_counted_and_answered_by_kind(peer: Peer, neighbour: Neighbour) -> None:
    dealer, cases = peer.dealer(), [case for case in at_default_limit(CONTROL_BAD) if b"\0" <= case[1][:1] < b"\x80"]
    for _, frame in cases:
        dealer.send(frame)
    answers = [msgpack.unpackb(dealer.recv()) for _ in cases]
    assert [answer["op"] for answer in answers] == ["nack"] * len(cases)
    expected = [kind for kind, _ in cases]
    assert [answer["reason"] for answer in answers] == expected
    assert peer.refused("control") == refused_by_metrics(peer.broker, "control") == Counter(expected)


def test_random_bytes_on_every_port(peer: Peer, neighbour: Neighbour) -> None:
    push, dealer = peer.pusher(), peer.dealer()
    replies: Counter[str] = Counter()
    for _ in range(20):
        for _ in range(100):
            rubbish = RANDOM.randbytes(RANDOM.choice([1, 2, 10, 80, 500]))
            push.send(rubbish)
            dealer.send(rubbish)
        replies += Counter(msgpack.unpackb(dealer.recv())["op"] for _ in range(100))
    assert set(replies) == {"nack", "failure"}
    eventually(lambda: sum(peer.refused("ingest").values()) == 2_000)
    stats = peer.stats()
    assert sum(stats["refused"]["control"].values()) == replies["nack"]
    assert stats["requests_refused"] == replies["failure"]


def test_thousands_of_refusals_at_once_all_arrive_though_nobody_reads_meanwhile(
    peer: Peer, neighbour: Neighbour
) -> None:
    dealer = peer.dealer()
    for number in range(10_000):
        dealer.send(make(TOPIC, b"x", flags=WRITTEN, producer=1, sequence=number, crc=1))
    neighbour.is_served()
    answers = [msgpack.unpackb(dealer.recv()) for _ in range(10_000)]
    assert [answer["sequence"] for answer in answers] == list(range(10_000))
    assert peer.stats()["replies_dropped"] == 0


def test_what_is_not_one_part_on_control_is_dropped_and_counted(peer: Peer, neighbour: Neighbour) -> None:
    dealer, messages = peer.dealer(), [[b"", b"a"], [b"a", b""], [b""], [b"\x80", b"\x80"], [b"x"] * 1000]
    for parts in messages:
        dealer.send_multipart(parts)
    assert peer.ask("hello", dealer)["op"] == "welcome"
    assert peer.refused("control") == refused_by_metrics(peer.broker, "control") == {"not_one_part": len(messages)}


def test_on_ingest_each_part_is_taken_for_itself(peer: Peer, neighbour: Neighbour) -> None:
    push, live = peer.pusher(), peer.hear(TOPIC + b"\0")
    push.send_multipart([make(TOPIC, b"0"), b"", b"rubbish", make(TOPIC, b"1")])
    push.send(b"")
    push.send(make(TOPIC, b"2"))
    assert [read(frame).body for frame in receive(live, 3)] == [b"0", b"1", b"2"]
    assert peer.refused("ingest") == refused_by_metrics(peer.broker, "ingest") == {"not_a_frame": 3}


# --- connections --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("port", ["ingest", "control"])
def test_over_the_wire_limit_the_connection_is_cut_and_counted(peer: Peer, neighbour: Neighbour, port: str) -> None:
    kind = zmq.PUSH if port == "ingest" else zmq.DEALER
    bad = peer.connect(kind, peer.broker.endpoints[port])
    watching = bad.get_monitor_socket(zmq.EVENT_DISCONNECTED)
    before = peer.refused(port)
    bad.send(make(TOPIC, bytes(HUGE)))
    assert watching.poll(ANSWER_MS), "the connection stays"
    counted(peer, port, "disconnected")
    assert peer.refused(port) == before
    bad.disable_monitor()
    watching.close()
    under = peer.connect(kind, peer.broker.endpoints[port])
    under.send(make(TOPIC, bytes(HUGE - 1000)))
    eventually(lambda: peer.refused(port)["too_large"] == 1)


def test_a_subscription_over_its_limit_is_cut(peer: Peer, neighbour: Neighbour) -> None:
    bad = peer.connect(zmq.SUB, peer.broker.live)
    watching = bad.get_monitor_socket(zmq.EVENT_DISCONNECTED)
    bad.subscribe(b"x" * 1_100)
    assert watching.poll(ANSWER_MS)
    counted(peer, "live", "disconnected")
    bad.disable_monitor()
    watching.close()


RUBBISH = [
    b"GET / HTTP/1.1\r\nHost: minimq\r\n\r\n",  # http
    bytes.fromhex("16030100f1010000ed0303") + RANDOM.randbytes(237),  # tls
    bytes(4096),  # zeros
    b"\xff" * 4096,  # ones
    RANDOM.randbytes(100_000),  # random
    b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(48) + RANDOM.randbytes(500),  # a greeting, then rubbish
    b"\xff" + bytes(8) + b"\x7f\x03\x00WHAT" + bytes(48),  # a greeting of a mechanism that is not
    b"\xff" + bytes(8),  # half a greeting
]


def test_rubbish_on_a_plain_connection_is_cut_or_refused(peer: Peer, neighbour: Neighbour) -> None:
    for rubbish in RUBBISH:
        for port in ("ingest", "live", "control"):
            with closing(dial(peer.broker.endpoints[port])) as connection, suppress(ConnectionError):
                connection.sendall(rubbish)
        neighbour.is_served()
    for port in ("ingest", "live", "control"):
        eventually(partial(has_gone, peer, port))


@pytest.fixture
def many_files() -> Iterator[None]:
    """Let this process, and those that it starts, have as many files open as the system lets them."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.slow
def test_a_thousand_that_connect_and_say_nothing_are_cut_in_seconds_and_counted(
    many_files: None, peer: Peer, neighbour: Neighbour
) -> None:
    silent = [dial(peer.broker.endpoints[port]) for port in ("ingest", "live", "control") for _ in range(350)]
    neighbour.is_served()
    for connection in silent:
        connection.settimeout(20)
        with closing(connection):
            while connection.recv(100):
                pass
    for port in ("ingest", "live", "control"):
        counted(peer, port, "handshake_failed", 350)


@pytest.mark.slow
def test_a_thousand_clients_that_say_nothing_but_hello_take_little_and_keep_nobody(
    many_files: None, peer: Peer, neighbour: Neighbour
) -> None:
    before = resident_bytes(peer.broker)
    with zmq.Context() as context:
        context.max_sockets = 2_000
        dealers = [context.socket(zmq.DEALER) for _ in range(1_000)]
        for dealer in dealers:
            dealer.linger = 0
            dealer.connect(peer.broker.control)
            dealer.send(msgpack.packb({"op": "hello", "id": 1, "protocol": 1}))
        for dealer in dealers:
            assert dealer.poll(20_000)
        neighbour.is_served()
        assert resident_bytes(peer.broker) - before < 1_000 * (64 << 10)
        for dealer in dealers:
            dealer.close()


def test_the_wrong_kind_of_socket_is_not_let_in(peer: Peer, neighbour: Neighbour) -> None:
    for kind, port in ((zmq.SUB, "ingest"), (zmq.PUSH, "live"), (zmq.PUB, "control")):
        peer.connect(kind, peer.broker.endpoints[port])
        eventually(partial(has_gone, peer, port))


# --- who does not read --------------------------------------------------------------------------------------------


def heard_of_by(process: subprocess.Popen[bytes], push: Socket, topic: bytes) -> bool:
    """Push a frame, and say whether the process has heard one by now."""
    push.send(make(topic, b""))
    return has_spoken(process)


def flood(neighbour: Socket, push: Socket, thousands: int) -> None:
    """Push a thousand frames at a time, while a neighbour reads them all."""
    for number in range(thousands * 1000):
        push.send(make(b"flood", b"x" * 1000, sequence=number))
        if number % 1000 == 999:
            offsets = [read(frame).offset for frame in receive(neighbour, 1000)]
            assert offsets == list(range(number - 999, number + 1))


def misses_frames_and_nobody_else_does(peer: Peer, reading: Socket, push: Socket) -> None:
    flood(reading, push, 35)
    assert peer.stats()["live_overflows"] > 0
    assert metrics(peer.broker)["minimq_live_overflows_total"] > 0
    assert len(list(take_apart(peer.journal("flood")))) == 35_000


def test_a_subscriber_that_never_reads_misses_frames_and_nobody_else_does(peer: Peer, neighbour: Neighbour) -> None:
    push, reading = peer.pusher(), peer.hear(b"flood\0")
    peer.hear(b"", hwm=1)
    misses_frames_and_nobody_else_does(peer, reading, push)


def test_a_subscriber_that_is_stopped_misses_frames_and_nobody_else_does(peer: Peer, neighbour: Neighbour) -> None:
    push, reading = peer.pusher(), peer.hear(b"flood\0")
    with peer_process("subscribe", peer.broker.live) as process:
        eventually(partial(heard_of_by, process, push, b"flood/begins"))
        process.send_signal(signal.SIGSTOP)
        misses_frames_and_nobody_else_does(peer, reading, push)


def resident_bytes(broker: BrokerProcess) -> int:
    """Return how much memory a broker takes."""
    status = Path(f"/proc/{broker.process.pid}/status").read_text()
    return int(re.findall(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)[0]) << 10


def test_a_client_that_does_not_take_its_answers_loses_them_and_nobody_else_does(
    peer: Peer, neighbour: Neighbour, socket: SocketFactory
) -> None:
    dealer = peer.dealer()
    for number in range(10):
        dealer.send(make(TOPIC, bytes(1_000_000), flags=WRITTEN, sequence=number))
        acks(dealer, 1)
    before = resident_bytes(peer.broker)
    idle = socket(zmq.DEALER)
    idle.rcvhwm = 1
    idle.connect(peer.broker.control)

    def dropped() -> bool:
        idle.send(msgpack.packb({"op": "fetch", "id": 1, "topic": TOPIC.decode(), "offset": 0, "credit": 8 << 20}))
        return bool(peer.stats()["replies_dropped"])

    eventually(dropped)
    assert metrics(peer.broker)["minimq_replies_dropped_total"] > 0
    assert resident_bytes(peer.broker) - before < UNREAD_BYTES_MAX


def test_fetches_for_everything_at_once_take_a_bounded_memory_and_keep_nobody(
    peer: Peer, neighbour: Neighbour, socket: SocketFactory
) -> None:
    """Twenty clients ask for 60 MB each, again and again, with the largest credit there is, and read nothing."""
    topics = [b"all/%d" % number for number in range(60)]
    dealer = peer.dealer()
    for topic in topics:
        dealer.send(make(topic, bytes(1_000_000), flags=WRITTEN, producer=3, sequence=0))
        acks(dealer, 1)
    before = resident_bytes(peer.broker)
    greedy = [socket(zmq.DEALER) for _ in range(20)]
    for number in range(32 * len(topics)):
        asked = {"op": "fetch", "id": number, "topic": topics[number % 60].decode(), "offset": 0, "credit": 8 << 20}
        for each in greedy:
            if number == 0:
                each.rcvhwm = 1
                each.connect(peer.broker.control)
            with suppress(zmq.Again):
                each.send(msgpack.packb(asked), zmq.NOBLOCK)
    neighbour.is_served()
    eventually(lambda: peer.stats()["replies_dropped"] + peer.stats()["requests_refused"] > 1_000)
    assert resident_bytes(peer.broker) - before < len(greedy) * UNREAD_BYTES_MAX


def test_more_questions_than_may_wait_are_answered_busy(start_broker: StartBroker, socket: SocketFactory) -> None:
    peer = Peer(start_broker(MINIMQ_REQUESTS_PER_CLIENT_MAX="1"), socket)
    neighbour, dealer = Neighbour(peer), peer.dealer()
    for number in range(500):
        dealer.send(msgpack.packb({"op": "heads", "id": number, "patterns": ["#"]}))
    found = Counter(msgpack.unpackb(dealer.recv()).get("error", "answered") for _ in range(500))
    assert set(found) == {"answered", "busy"}
    assert peer.stats()["requests_refused"] == found["busy"]
    neighbour.is_served()


def test_a_client_that_leaves_before_its_answers_come_is_only_counted(peer: Peer, neighbour: Neighbour) -> None:
    for _ in range(50):
        leaving = peer.dealer()
        for number in range(20):
            leaving.send(msgpack.packb({"op": "fetch", "id": number + 1, "topic": "neighbour", "offset": 0}))
            leaving.send(make(TOPIC, b"x", flags=WRITTEN, sequence=number))
        leaving.close(1000)
    assert peer.ask("stats")["op"] == "stats_report"


def test_chatter_on_live_does_not_keep_the_broker_from_its_work(peer: Peer, neighbour: Neighbour) -> None:
    push = peer.pusher()
    with peer_process("chatter", peer.broker.live) as process:
        eventually(partial(heard_of_by, process, push, b"chat"))
        for _ in range(5):
            neighbour.is_served()
