"""How a broker begins and how it ends: in order, under load, by a kill; and what is there when it begins again."""

from __future__ import annotations

import os
import re
import signal
import socket as tcp
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgpack
import pytest
import zmq
from broker_process import NAMES, BrokerProcess
from conftest import SocketFactory, StartBroker
from raw_peer import TOPICS
from raw_wire import (
    DURABLE,
    PROBE,
    WRITTEN,
    Peer,
    Socket,
    Stamped,
    acks,
    make,
    on_disk,
    peer_process,
    read,
    receive,
    take_apart,
)

TOPIC = b"host/n1/cpu"
END_S_MAX = 10.0


@pytest.fixture
def peer(broker: BrokerProcess, socket: SocketFactory) -> Peer:
    return Peer(broker, socket)


def run(*arguments: str, program: tuple[str, ...] = ("-m", "mq.cli")) -> subprocess.CompletedProcess[str]:
    """Run a broker that is expected to end by itself, soon."""
    ports = [f"--{name}=tcp://127.0.0.1:*" for name in NAMES]
    command = [sys.executable, *program, "broker", *ports, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=END_S_MAX, check=False)


# --- beginning ----------------------------------------------------------------------------------------------------


def test_the_ready_line_names_the_endpoints_and_is_all_that_is_printed(tmp_path: Path) -> None:
    ports = [f"--{name}=tcp://127.0.0.1:*" for name in NAMES]
    command = [sys.executable, "-m", "mq.cli", "broker", "--data", str(tmp_path / "data"), *ports]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        endpoint = r"tcp://127\.0\.0\.1:\d+"
        assert re.fullmatch(
            rf"ready ingest={endpoint} live={endpoint} control={endpoint} ops=http://127\.0\.0\.1:\d+\n", line
        )
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=END_S_MAX)
    assert (process.returncode, output, errors) == (0, "", "")


@pytest.mark.parametrize("name", NAMES)
def test_a_taken_port_is_one_line_that_names_the_port_and_the_option(tmp_path: Path, name: str) -> None:
    with tcp.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ended = run("--data", str(tmp_path / "data"), f"--{name}=tcp://127.0.0.1:{port}")
    assert ended.returncode == 1
    assert ended.stdout == ""
    (line,) = ended.stderr.splitlines()
    assert f":{port}" in line
    assert f"--{name}" in line


UNUSABLE = [
    ("control", "127.0.0.1:5555"),
    ("live", "udp://127.0.0.1:1"),
    ("ingest", "tcp://no.such.host.invalid:1"),
    ("control", "tcp://127.0.0.1:99999"),
    ("ops", "tcp://127.0.0.1:99999"),
    ("ops", "tcp://no.such.host.invalid:1"),
    ("ops", ""),
]


@pytest.mark.parametrize(("name", "endpoint"), UNUSABLE)
def test_an_endpoint_that_cannot_be_used_is_one_line_that_names_the_option(
    tmp_path: Path, name: str, endpoint: str
) -> None:
    ended = run("--data", str(tmp_path / "data"), f"--{name}={endpoint}")
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert f"--{name}" in line


def test_a_second_broker_on_the_same_data_is_refused_at_once_and_the_first_goes_on(peer: Peer) -> None:
    began = time.monotonic()
    ended = run("--data", str(peer.broker.data))
    assert time.monotonic() - began < 20
    assert ended.returncode == 1
    assert ended.stdout == ""
    (line,) = ended.stderr.splitlines()
    assert str(peer.broker.data) in line
    assert str(peer.broker.process.pid) in line
    dealer = peer.dealer()
    dealer.send(make(TOPIC, b"x", flags=DURABLE))
    acks(dealer, 1)


def test_each_life_has_a_higher_epoch_and_offsets_go_on(broker: BrokerProcess, socket: SocketFactory) -> None:
    epochs = []
    for number in range(3):
        peer = Peer(broker, socket)
        epochs.append(peer.ask("hello")["epoch"])
        dealer = peer.dealer()
        dealer.send(make(TOPIC, b"%d" % number, flags=WRITTEN))
        acks(dealer, 1)
        frames = list(take_apart(peer.journal(TOPIC.decode())))
        assert [frame.offset for frame in frames] == list(range(number + 1))
        assert [frame.epoch for frame in frames] == epochs
        broker.restart()
    assert sorted(set(epochs)) == epochs


# --- ending in order ----------------------------------------------------------------------------------------------


def test_sigterm_ends_it_with_0_and_all_that_was_pushed_and_acknowledged_is_there(
    peer: Peer, socket: SocketFactory
) -> None:
    push, dealer = socket(zmq.PUSH), peer.dealer()
    push.sndhwm = 0  # so that the broker falls behind, and much is under way when the signal comes
    push.connect(peer.broker.ingest)
    for number in range(200):
        dealer.send(make(b"acked", b"%d" % number, flags=DURABLE if number % 2 else WRITTEN, sequence=number))
    acks(dealer, 200)
    frames = [make(b"pushed", b"%d" % number, sequence=number) for number in range(20_000)]
    for frame in frames:
        push.send(frame)
    began = time.monotonic()
    assert peer.broker.stop() == 0
    assert time.monotonic() - began < END_S_MAX
    for topic, number in (("acked", 200), ("pushed", 20_000)):
        assert [frame.body for frame in take_apart(on_disk(peer.broker.data, topic))] == [
            b"%d" % each for each in range(number)
        ]
    assert peer.broker.log.read_text() == ""


def test_sigterm_with_durable_acknowledgements_due_gives_them_first(
    start_broker: StartBroker, socket: SocketFactory
) -> None:
    peer = Peer(start_broker(MINIMQ_SYNC_INTERVAL_S="3600"), socket)
    dealer = peer.dealer()
    peer.ask("hello", dealer)
    for number in range(100):
        dealer.send(make(TOPIC, b"x", flags=DURABLE, producer=1, sequence=number))
    assert peer.broker.stop() == 0
    assert len(acks(dealer, 100)) == 100


def test_under_load_it_ends_within_seconds_with_0_and_keeps_all_that_was_seen(peer: Peer) -> None:
    live = peer.hear(b"load/")
    with peer_process("push", peer.broker.ingest), peer_process("push", peer.broker.ingest):
        seen = receive(live, 5_000)
        began = time.monotonic()
        peer.broker.signal(signal.SIGINT)
        while peer.broker.process.poll() is None:
            seen += drained(live)
            assert time.monotonic() - began < END_S_MAX
        assert peer.broker.process.returncode == 0
        seen += drained(live)
    assert peer.broker.log.read_text() == ""
    for topic, frames in by_topic(seen).items():
        log = list(take_apart(on_disk(peer.broker.data, topic.decode())))
        assert [frame.offset for frame in log] == list(range(len(log)))
        assert [log[read(frame).offset].whole for frame in frames] == frames


def drained(live: Socket) -> list[bytes]:
    """Return what is there, and what comes within a moment."""
    frames = []
    while live.poll(50):
        frame = live.recv()
        if not frame.startswith(PROBE + b"\0"):
            frames.append(frame)
    return frames


# --- killed -------------------------------------------------------------------------------------------------------


def by_topic(frames: list[bytes]) -> dict[bytes, list[bytes]]:
    found: dict[bytes, list[bytes]] = {}
    for frame in frames:
        found.setdefault(frame[: frame.index(0)], []).append(frame)
    return found


def assert_dense(log: list[Stamped], epochs: set[int]) -> None:
    """Offsets without hole or double, order kept within an epoch, and epochs and times that never fall."""
    assert [frame.offset for frame in log] == list(range(len(log)))
    assert {frame.epoch for frame in log} == epochs
    assert [frame.epoch for frame in log] == sorted(frame.epoch for frame in log)
    assert [frame.appended for frame in log] == sorted(frame.appended for frame in log)
    sequences = [frame.sequence for frame in log]
    assert sequences == sorted(set(sequences)), "a producer's records are out of order, or twice there"


def test_killed_under_load_it_serves_again_and_what_was_seen_is_in_the_journal_byte_for_byte(
    peer: Peer, socket: SocketFactory
) -> None:
    live, epochs, seen = peer.hear(b"load/"), set(), []
    with peer_process("push", peer.broker.ingest):
        for _ in range(3):
            epochs.add(peer.ask("hello")["epoch"])
            seen += receive(live, 5_000)
            peer.broker.kill()
            seen += drained(live)
            peer.broker.restart()
            peer = Peer(peer.broker, socket)
        epochs.add(peer.ask("hello")["epoch"])
        assert len(epochs) == 4
        live = peer.hear(b"load/")
        seen += receive(live, 1_000)
    topics = by_topic(seen)
    assert set(topics) == set(TOPICS)
    for topic, frames in topics.items():
        journal = peer.journal(topic.decode())
        assert on_disk(peer.broker.data, topic.decode()).startswith(journal)
        log = list(take_apart(journal))
        assert_dense(log, epochs)
        assert [log[read(frame).offset].whole for frame in frames] == frames


def test_what_was_acknowledged_as_written_survives_a_kill_and_what_was_not_is_whole_or_absent(
    peer: Peer, socket: SocketFactory
) -> None:
    dealer = peer.dealer()
    for number in range(3_000):
        dealer.send(make(TOPIC, b"%d" % number, flags=WRITTEN, producer=1, sequence=number))
    found = acks(dealer, 500)
    peer.broker.kill()
    while dealer.poll(50):
        found |= {(row[0], row[1], row[2]): (row[3], row[4]) for row in msgpack.unpackb(dealer.recv())["acks"]}
    peer.broker.restart()
    log = list(take_apart(Peer(peer.broker, socket).journal(TOPIC.decode())))
    assert [frame.sequence for frame in log] == list(range(len(log)))
    assert len(log) >= len(found)
    assert all(log[offset].sequence == sequence for (_, _, sequence), (offset, _) in found.items())


# --- standing still -----------------------------------------------------------------------------------------------


def test_a_broker_that_stood_still_goes_on_as_if_nothing_had_been(peer: Peer) -> None:
    push, dealer, live = peer.pusher(), peer.dealer(), peer.hear(TOPIC + b"\0")
    peer.ask("hello", dealer)
    peer.broker.signal(signal.SIGSTOP)
    for number in range(500):
        push.send(make(TOPIC, b"pushed", producer=1, sequence=number))
        dealer.send(make(TOPIC, b"produced", flags=WRITTEN, producer=2, sequence=number))
    assert not dealer.poll(300)
    peer.broker.signal(signal.SIGCONT)
    acks(dealer, 500)
    assert [read(frame).offset for frame in receive(live, 1_000)] == list(range(1_000))


# --- ending by an error of its own --------------------------------------------------------------------------------

BUG = """
import sys
from {module} import {place}
def bug(*_): raise RuntimeError("a bug")
{place}.{name} = bug
from mq.cli import main
main()
"""
BUGS = {
    "journaling": ("mq.broker.intake", "Intake", "take"),
    "journaling, between turns": ("mq.broker.intake", "Intake", "synced"),
    "reader": ("mq.broker", "reader", "_fetch"),
    "proxy": ("mq.broker.control", "Desk", "handle"),
}


@pytest.fixture
def buggy(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    module, place, name = request.param
    program = BUG.format(module=module, place=place, name=name)
    ports = [f"--{name}=tcp://127.0.0.1:*" for name in NAMES]
    command = [sys.executable, "-c", program, "broker", "--data", str(tmp_path / "data"), *ports]
    environment = {**os.environ, "MINIMQ_SYNC_INTERVAL_S": "0.5"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("buggy", [bug for name, bug in BUGS.items() if name != "reader"], indirect=True)
def test_a_bug_that_ends_a_thread_ends_the_broker_and_not_with_0(
    buggy: subprocess.Popen[str], socket: SocketFactory
) -> None:
    """A broker without one of its threads would take frames and never say that nobody stores them."""
    assert buggy.stdout is not None
    endpoints = dict(part.split("=", 1) for part in buggy.stdout.readline().split()[1:])
    dealer = socket(zmq.DEALER)
    dealer.connect(endpoints["control"])
    dealer.send(make(TOPIC, b"x", flags=WRITTEN))
    dealer.send(msgpack.packb({"op": "hello", "id": 1}))
    _, errors = buggy.communicate(timeout=END_S_MAX)
    assert buggy.returncode not in (0, None)
    assert "a bug" in errors


@pytest.mark.parametrize("buggy", [BUGS["reader"]], indirect=True)
def test_a_bug_met_by_one_question_is_its_answer_and_the_broker_goes_on(
    buggy: subprocess.Popen[str], socket: SocketFactory
) -> None:
    assert buggy.stdout is not None
    endpoints = dict(part.split("=", 1) for part in buggy.stdout.readline().split()[1:])
    dealer = socket(zmq.DEALER)
    dealer.connect(endpoints["control"])
    for number in (1, 2):
        dealer.send(msgpack.packb({"op": "fetch", "id": number, "topic": "a", "offset": 0}))
        found = msgpack.unpackb(dealer.recv())
        assert (found["op"], found["id"], found["error"]) == ("failure", number, "failed")
    dealer.send(msgpack.packb({"op": "heads", "id": 3, "patterns": ["#"]}))
    assert msgpack.unpackb(dealer.recv())["op"] == "head_list"
