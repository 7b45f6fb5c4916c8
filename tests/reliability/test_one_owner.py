"""One owner of a data directory, with real brokers: a second one ends at once and touches no byte."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGCONT, SIGSTOP

import pytest
from broker_process import NAMES, BrokerProcess
from checker import ACKNOWLEDGED
from conftest import StartBroker
from rounds import Rounds
from waiting import eventually

import mq
from mq.journal.verify import verify

START_S_MAX = 30.0
END_S_MAX = 10.0  # of a machine that is busy with other things
NEVER = {"MINIMQ_SYNC_INTERVAL_S": "3600"}  # so that the first broker itself touches nothing either
PORTS = [f"--{name}=tcp://127.0.0.1:*" for name in NAMES]

log = logging.getLogger(__name__)


def minimq(*arguments: str) -> tuple[subprocess.CompletedProcess[str], float]:
    """Run to the end, and say how long that took."""
    begun = time.monotonic()
    command = [sys.executable, "-m", "mq.cli", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=START_S_MAX, check=False)
    return done, time.monotonic() - begun


def tree(data: Path) -> dict[str, tuple[bytes, int]]:
    """Return all that is in a directory: each file and directory with its bytes and its time."""
    return {
        str(each.relative_to(data)): (each.read_bytes() if each.is_file() else b"", each.stat().st_mtime_ns)
        for each in (data, *data.rglob("*"))
    }


@pytest.fixture
def owner(start_broker: StartBroker) -> Iterator[BrokerProcess]:
    """Return a broker that has acknowledged records, and lies still."""
    broker = start_broker(**NEVER)
    with Rounds(broker.control, broker.ingest) as rounds:
        assert rounds.go() == set(ACKNOWLEDGED)
        yield broker
        assert rounds.go() == set(ACKNOWLEDGED)
        rounds.hold()
        assert broker.stop() == 0


@pytest.fixture(params=[False, True], ids=["running", "stopped"])
def hanging(owner: BrokerProcess, request: pytest.FixtureRequest) -> Iterator[BrokerProcess]:
    """Return the same, at work or stopped as a broker whose machine hangs."""
    if request.param:
        owner.signal(SIGSTOP)
        eventually(lambda: state(owner) == "T")
    yield owner
    owner.signal(SIGCONT)


def state(broker: BrokerProcess) -> str:
    """Return the letter that the kernel has for what a process does."""
    return Path(f"/proc/{broker.process.pid}/stat").read_text().rpartition(") ")[2][0]


def test_a_second_broker_names_the_first_and_ends_at_once_and_touches_nothing(hanging: BrokerProcess) -> None:
    before = tree(hanging.data)
    _, interpreter = minimq("--version")
    for _ in range(3):
        done, seconds = minimq("broker", "--data", str(hanging.data), *PORTS)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == (
            f"minimq: {hanging.data} is in use by another broker "
            f"(process {hanging.process.pid} on {os.uname().nodename}): "
            "stop that one, or name another --data\n"
        )
        log.info("ended after %.2f s; the interpreter alone takes %.2f s", seconds, interpreter)
        assert seconds < interpreter + END_S_MAX
        assert tree(hanging.data) == before


def test_verify_works_beside_it_and_touches_nothing(hanging: BrokerProcess) -> None:
    before = tree(hanging.data)
    done, _ = minimq("verify", str(hanging.data))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "a broker is at work here" in done.stdout
    assert tree(hanging.data) == before


@contextmanager
def starting(data: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a broker, and wait for nothing."""
    command = [sys.executable, "-m", "mq.cli", "broker", "--data", str(data), *PORTS]
    quiet = {**os.environ, "MINIMQ_STATS_INTERVAL_S": "0"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=quiet) as process:
        try:
            yield process
        finally:
            process.kill()


def first_line(process: subprocess.Popen[str]) -> str:
    """Return what it says once it serves, nothing when it has ended."""
    assert process.stdout is not None
    return process.stdout.readline()


def complaint(process: subprocess.Popen[str]) -> str:
    """Return what it said when it ended by itself."""
    assert process.wait(START_S_MAX) == 1
    assert process.stderr is not None
    return process.stderr.read()


def let_two_start(tmp_path: Path, rounds: int) -> None:
    """Start two brokers on a fresh directory, again and again: one serves, the other says why not."""
    for number in range(rounds):
        data = tmp_path / str(number)
        with starting(data) as one, starting(data) as other:
            lines = first_line(one), first_line(other)
            assert sorted(line.partition(" ")[0] for line in lines) == ["", "ready"]
            server, refused = (one, other) if lines[0] else (other, one)
            why = complaint(refused)
            assert why.startswith(f"minimq: {data} ")
            assert len(why.splitlines()) == 1
            endpoints = dict(part.split("=", 1) for part in "".join(lines).split()[1:])
            with mq.Producer(endpoints["control"], "durable") as producer:
                assert producer.send("a", b"x").result(START_S_MAX).offset == 0
            server.terminate()
            assert server.wait(START_S_MAX) == 0
        assert verify(str(data)).records == 1


def test_of_two_that_start_at_once_one_serves(tmp_path: Path) -> None:
    let_two_start(tmp_path, 3)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_20_times_of_two_that_start_at_once_one_serves(tmp_path: Path) -> None:
    let_two_start(tmp_path, 20)
