"""A health check of real programs: what is wrong is one line that says what to do, and the exit code is 1."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from broker_process import BrokerProcess
from waiting import eventually

from mq.health.check import troubles
from mq.health.note import VARIABLE, Note, leave, read

ELSEWHERE = "tcp://nowhere.invalid:5557"
VARIABLES = ("MINIMQ_", "METRIC_TYPE", "BROKER_URL", "NODE_NAME", "INTERVAL_SECONDS", "HOST_MODE", "DELIVERY")


def environment(note: Path, **said: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(VARIABLES)}
    return {**clean, VARIABLE: str(note), **said}


def check(note: Path) -> tuple[int, str]:
    """Ask as the image does."""
    command = [sys.executable, "-m", "mq.health"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=60, env=environment(note), cwd=note.parent
    )
    assert done.stderr == ""
    (line,) = done.stdout.splitlines()
    return done.returncode, line


def complaint(note: Path) -> str:
    """Wait until a program has left a note of something that is wrong, and return what is said of it."""
    eventually(lambda: note.exists() and read(str(note)).troubles)
    code, line = check(note)
    assert code == 1
    return line


@contextmanager
def running(note: Path, *module: str, **said: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", *module],
        env=environment(note, **said),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    """Answer every GET so, and give the URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/readyz"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, b'{"status": "ready"}', []),
        (200, b"<html>", []),
        (200, b"[1]", []),
        (
            200,
            b'{"disk": "the disk has 4 bytes free: delete something"}',
            ["the disk has 4 bytes free: delete something"],
        ),
        (503, b'{"why": "a sync failed"}', ["a sync failed"]),
        (500, b"", ["answers 500 Internal Server Error"]),
    ],
)
def test_what_a_url_answers(status: int, body: bytes, said: list[str]) -> None:
    with answering(status, body) as url:
        found = list(troubles(Note(url), 0.0))
    assert [found[number].endswith(each) for number, each in enumerate(said)] == [True] * len(found)


def test_a_url_where_nobody_is_or_nobody_speaks_is_named() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
    assert next(troubles(Note(url), 0.0)).startswith(f"{url} does not answer: ")


def test_what_fell_silent_is_told_with_how_long() -> None:
    assert list(troubles(Note(until=100.0), 100.0)) == []
    assert list(troubles(Note(until=100.0, troubles=("one", "two")), 117.0)) == [
        "one", "two", "it has not said for 17 s how it fares: it hangs, or has ended",
    ]  # fmt: skip


def test_a_broker_that_is_there_is_well_and_one_that_is_not_is_named(broker: BrokerProcess) -> None:
    assert list(troubles(Note(broker=broker.control), 0.0)) == []
    (said,) = troubles(Note(broker=ELSEWHERE), 0.0)
    assert said.startswith(f"no broker answers at {ELSEWHERE}")
    assert said.endswith("or name another with --broker or MINIMQ_BROKER")


def test_before_a_program_has_said_anything_that_is_said(tmp_path: Path) -> None:
    assert check(tmp_path / "health") == (
        1,
        (
            f"no program has said yet how it fares ({tmp_path}/health: No such file or directory): "
            "it starts, or cannot; see its log"
        ),
    )


def test_a_broker_says_where_it_is_asked_and_one_that_has_ended_does_not_answer(tmp_path: Path) -> None:
    note = tmp_path / "health"
    broker = BrokerProcess(tmp_path / "data", {VARIABLE: str(note)})
    eventually(note.exists)
    try:
        assert check(note) == (0, "all is well")
    finally:
        broker.stop()
    code, said = check(note)
    assert code == 1
    assert said.startswith(f"{broker.ops}/readyz does not answer: ")


def test_a_broker_with_too_little_disk_says_so_and_what_to_do(tmp_path: Path) -> None:
    note = tmp_path / "health"
    broker = BrokerProcess(tmp_path / "data", {VARIABLE: str(note), "MINIMQ_DISK_FREE_BYTES_MIN": str(1 << 60)})
    eventually(note.exists)
    try:
        code, said = check(note)
    finally:
        broker.stop()
    assert code == 1
    assert said.startswith("the disk has ")
    assert said.endswith(": delete something")


def test_a_collector_is_well_says_when_its_broker_goes_and_is_told_when_it_hangs(
    broker: BrokerProcess, tmp_path: Path
) -> None:
    note = tmp_path / "health"
    with running(note, "collectors", "cpu", "--broker", broker.control, "--interval", "0.1") as process:
        eventually(lambda: note.exists() and check(note) == (0, "all is well"))
        broker.kill()
        assert f"where the broker at {broker.control} took them" in complaint(note)
        process.send_signal(signal.SIGSTOP)
        until = read(str(note)).until
        assert until is not None
        assert any(each.startswith("it has not said for 20 s") for each in troubles(read(str(note)), until + 20))


@pytest.mark.parametrize("delivery", ["push", "acked"])
def test_a_collector_with_a_wrong_broker_names_it_and_the_fix(delivery: str, tmp_path: Path) -> None:
    note = tmp_path / "health"
    options = ["--broker", ELSEWHERE, "--interval", "0.1", "--delivery", delivery]
    with running(note, "collectors", "cpu", *options, XDG_STATE_HOME=str(tmp_path)):
        said = complaint(note)
    assert ELSEWHERE in said
    assert "--broker or MINIMQ_BROKER" in said


def test_a_note_costs_a_collector_nothing_heavy() -> None:
    program = "import mq.health.note, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert set(done.stdout.split()).isdisjoint({"json", "zmq", "http", "urllib", "socket", "msgpack", "mq.errors"})


def test_a_note_is_replaced_whole(tmp_path: Path) -> None:
    note = tmp_path / "health"
    told = Note(troubles=("x" * 4000,))
    leave(told, {VARIABLE: str(note)})
    stop = threading.Event()

    def rewrite() -> None:
        while not stop.is_set():
            leave(told, {VARIABLE: str(note)})

    thread = threading.Thread(target=rewrite)
    thread.start()
    try:
        assert {read(str(note)) for _ in range(500)} == {told}
    finally:
        stop.set()
        thread.join()
