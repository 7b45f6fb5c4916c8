"""A broker whose disk fails: what still goes out, what is refused, and that questions are answered meanwhile.

The broker runs in this process, so that its journal's file calls can be made to fail.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import msgpack
import pytest
import zmq
from broker_kit import FailingFiles, MemoryJournal
from conftest import SocketFactory
from raw_wire import DURABLE, UNSTORED, WRITTEN, acks, answer_to, get, make, on_disk, read, take_apart
from waiting import eventually

from mq.broker.server import Server
from mq.broker.sockets import Endpoints
from mq.config import Config
from mq.errors import MqError
from mq.journal.file_journal import FileJournal
from mq.journal.interface import Journal

TOPIC = b"host/n1/cpu"
ANY = "tcp://127.0.0.1:*"
CONFIG = Config(sync_interval_s=0.05, pending_bytes_max=1 << 20, ingest_messages_max=10, turn_frames_max=10)
END_S_MAX = 10.0


class Running:
    """A broker on a thread of this process, and raw sockets for it."""

    def __init__(self, journal: Journal, factory: SocketFactory) -> None:
        self._factory = factory
        self.server = Server(journal, CONFIG, Endpoints(ANY, ANY, ANY, ANY))
        self.server.startup()
        self.raised: BaseException | None = None
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        self.dealer = self.connect(zmq.DEALER, "control")
        self.push = self.connect(zmq.PUSH, "ingest")

    def connect(self, kind: int, port: str) -> zmq.Socket[bytes]:
        """Return a raw socket."""
        socket = self._factory(kind)
        socket.connect(self.server.endpoints[port])
        return socket

    def ask(self, op: str, number: int = 1, **fields: object) -> dict[str, object]:
        """Ask a question on a connection of its own."""
        asking = self.connect(zmq.DEALER, "control")
        asking.send(msgpack.packb({"op": op, "id": number, **fields}))
        return answer_to(asking, number)

    def stats(self) -> dict[str, object]:
        """Return the broker's counters."""
        stats = self.ask("stats")["stats"]
        assert isinstance(stats, dict)
        return stats

    def hear(self) -> zmq.Socket[bytes]:
        """Return a SUB socket whose subscription is known to be in force."""
        live = self.connect(zmq.SUB, "live")
        live.subscribe(b"")

        def heard() -> bool:
            self.push.send(make(b"probe", b""))
            return bool(live.poll(20))

        eventually(heard)
        return live

    def produce(self, body: bytes, wanted: int, sequence: int) -> None:
        """Send a frame to control."""
        self.dealer.send(make(TOPIC, body, flags=wanted, producer=1, sequence=sequence))

    def nack(self) -> dict[str, object]:
        """Return the next answer, which is a refusal."""
        found: dict[str, object] = msgpack.unpackb(self.dealer.recv())
        assert found["op"] == "nack", found
        return found

    def join(self) -> None:
        """Wait for the end."""
        self._thread.join(END_S_MAX)
        assert not self._thread.is_alive()

    def stop(self) -> None:
        """End it, if it has not ended."""
        if self._thread.is_alive():
            self.server.stop()
            self.join()

    def _serve(self) -> None:
        try:
            self.server.main_loop()
        except MqError as error:
            self.raised = error
        else:
            self.server.shutdown()


def frames_from(live: zmq.Socket[bytes], topic: bytes, number: int) -> list[bytes]:
    frames: list[bytes] = []
    while len(frames) < number:
        frame = live.recv()
        if frame.startswith(topic + b"\0"):
            frames.append(frame)
    return frames


@pytest.fixture
def files() -> FailingFiles:
    return FailingFiles()


@pytest.fixture
def journal(tmp_path: Path, files: FailingFiles) -> Iterator[FileJournal]:
    journal = FileJournal(str(tmp_path), CONFIG, files)
    yield journal
    journal.close()


@pytest.fixture
def running(journal: FileJournal, files: FailingFiles, socket: SocketFactory) -> Iterator[Running]:
    running = Running(journal, socket)
    yield running
    files.moves.set()
    running.stop()


def test_on_a_full_disk_pushed_frames_go_out_unstored_and_produced_ones_are_refused_until_there_is_room(
    running: Running, files: FailingFiles, tmp_path: Path
) -> None:
    live = running.hear()
    running.produce(b"before", WRITTEN, 0)
    acks(running.dealer, 1)
    files.full = True
    running.push.send(make(TOPIC, b"unstored"))
    running.produce(b"refused", DURABLE, 1)
    nack = running.nack()
    assert (nack["reason"], nack["topic"], nack["sequence"]) == ("disk_full", TOPIC.decode(), 1)
    files.full = False
    running.produce(b"after", WRITTEN, 1)
    acks(running.dealer, 1)
    seen = [read(frame) for frame in frames_from(live, TOPIC, 3)]
    stored = [frame for frame in seen if frame.offset != UNSTORED]
    (unstored,) = (frame for frame in seen if frame.offset == UNSTORED)
    assert [(frame.offset, frame.body) for frame in stored] == [(0, b"before"), (1, b"after")]
    assert (unstored.body, unstored.epoch) == (b"unstored", 0)
    assert stored[0].appended <= unstored.appended <= stored[1].appended
    assert on_disk(tmp_path, TOPIC.decode()) == b"".join(frame.whole for frame in stored)
    stats = running.stats()
    assert stats["frames_unstored"] == 1
    assert stats["refused"] == {"control": {"disk_full": 1}}
    assert get(running.server.endpoints["ops"] + "/readyz")[0] == 200


def test_after_a_failed_sync_nothing_is_called_stored_any_more(running: Running, files: FailingFiles) -> None:
    live = running.hear()
    files.sync_fails = True
    running.produce(b"may be there", DURABLE, 0)
    assert running.nack()["reason"] == "journal_failed"
    for sequence, wanted in ((1, WRITTEN), (2, DURABLE)):
        running.produce(b"refused", wanted, sequence)
        nack = running.nack()
        assert (nack["reason"], nack["sequence"]) == ("journal_failed", sequence)
    running.push.send(make(TOPIC, b"unstored"))
    seen = [read(frame) for frame in frames_from(live, TOPIC, 2)]
    assert [(frame.offset, frame.body) for frame in seen] == [(0, b"may be there"), (UNSTORED, b"unstored")]
    assert running.ask("fetch", topic=TOPIC.decode(), offset=0)["end"] == 1
    assert running.stats()["refused"] == {"control": {"journal_failed": 3}}
    code, text = get(running.server.endpoints["ops"] + "/readyz")
    assert code == 503
    assert "Input/output error" in json.loads(text)["why"]
    assert "minimq_journal_failed 1.0" in get(running.server.endpoints["ops"] + "/metrics")[1]
    running.stop()
    assert running.raised is None


def test_while_the_disk_stands_still_questions_are_answered_and_nothing_is_lost(
    running: Running, files: FailingFiles
) -> None:
    running.produce(b"0", WRITTEN, 0)
    acks(running.dealer, 1)
    files.moves.clear()
    running.push.set_hwm(10)
    running.push.send(make(TOPIC, b"stuck"))
    assert files.stuck.wait(END_S_MAX)
    pushed = 1
    while running.push.poll(200, zmq.POLLOUT):
        running.push.send(make(TOPIC, bytes(100_000), producer=2, sequence=pushed))
        pushed += 1
    for number in range(1, 30):
        running.produce(bytes(50_000), WRITTEN, number)
    busy = running.nack()
    assert busy["reason"] == "busy"
    assert running.ask("hello")["op"] == "welcome"
    found = running.ask("fetch", topic=TOPIC.decode(), offset=0)
    assert [frame.offset for frame in take_apart(bytes(found["frames"]))] == [0]  # type: ignore[call-overload]
    refused = 1
    while running.dealer.poll(100):
        assert running.nack()["reason"] == "busy"
        refused += 1
    assert running.stats()["refused"] == {"control": {"busy": refused}}
    files.moves.set()
    acks(running.dealer, 29 - refused)
    eventually(lambda: running.ask("fetch", topic=TOPIC.decode(), offset=0)["end"] == 1 + pushed + 29 - refused)


class Crash(Exception):
    """Something that nobody has thought of."""


@pytest.mark.parametrize("when", ["append", "idle"])
def test_when_the_journaling_thread_dies_the_broker_ends_with_an_error(socket: SocketFactory, when: str) -> None:
    class Crashing(MemoryJournal):
        def checkpoint(self) -> None:
            if when == "idle":
                raise Crash

    journal = Crashing()
    running = Running(journal, socket)
    if when == "append":
        journal.crash = Crash()
        running.push.send(make(TOPIC, b"x"))
    running.join()
    assert isinstance(running.raised, MqError)
    assert "Crash" in str(running.raised)


def test_a_bug_met_by_a_question_is_its_answer_and_the_broker_goes_on(socket: SocketFactory) -> None:
    journal = MemoryJournal()
    running = Running(journal, socket)
    journal.crash = Crash()
    for number in (1, 2):
        found = running.ask("fetch", number, topic="a", offset=0)
        assert (found["op"], found["error"]) == ("failure", "failed")
    journal.crash = None
    assert running.ask("fetch", topic="a", offset=0)["op"] == "frames"
    running.stop()
    assert running.raised is None


def test_stop_before_it_serves_ends_it_at_once(socket: SocketFactory) -> None:
    server = Server(MemoryJournal(), CONFIG, Endpoints(ANY, ANY, ANY, ANY))
    server.startup()
    server.stop()
    server.stop()
    server.main_loop()
    server.shutdown()
