"""Every job is done and none is lost, though a worker is killed in the middle of one."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from pathlib import Path

from broker_process import BrokerProcess
from example_kit import program, run
from waiting import eventually

import mq


def results(broker: BrokerProcess) -> dict[str, str]:
    found = [json.loads(message.body) for message in mq.replay(broker.control, "work/results")]
    return {each["path"]: each["sha256"] for each in found}


def made_files(directory: Path, count: int) -> dict[str, str]:
    """Make files, and return the sum of each."""
    directory.mkdir()
    for number in range(count):
        (directory / f"{number:02}").write_bytes(b"x" * number)
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(directory.iterdir())}


def test_each_job_is_done_once_and_again_where_its_worker_was_killed(broker: BrokerProcess, tmp_path: Path) -> None:
    wanted = made_files(tmp_path / "files", 25)
    stuck = list(wanted)[12]
    os.unlink(stuck)
    os.mkfifo(stuck)
    assert run("work_queue.py", "submit", *wanted, broker=broker.control).stdout == "25 jobs are stored\n"
    with program(tmp_path / "first", "work_queue.py", "work", "--seconds", "1", broker=broker.control) as first:
        writer = os.open(stuck, os.O_WRONLY)  # comes back once the worker reads there: it is in the middle of this job
        first.process.send_signal(signal.SIGKILL)
        first.process.wait()
        os.close(writer)
    assert len(results(broker)) == 12
    os.unlink(stuck)
    Path(stuck).write_bytes(b"x" * 12)
    with (
        program(tmp_path / "second", "work_queue.py", "work", "--seconds", "1", broker=broker.control) as second,
        program(tmp_path / "third", "work_queue.py", "work", "--seconds", "1", broker=broker.control) as third,
    ):
        eventually(lambda: results(broker) == wanted)
        assert (second.interrupt(), third.interrupt()) == (0, 0)
    with mq.SharedConsumer(broker.control, "work/jobs", "hashers") as nobody:
        assert nobody.receive(1) is None
    assert list(mq.replay(broker.control, "_mq/dead/hashers")) == []


def test_a_job_that_fails_each_time_becomes_a_dead_letter_and_the_others_are_done(
    broker: BrokerProcess, tmp_path: Path
) -> None:
    wanted = made_files(tmp_path / "files", 3)
    missing = str(tmp_path / "missing")
    with mq.Producer(broker.control) as producer:
        producer.send("work/jobs", b"no\0path")
    run("work_queue.py", "submit", missing, *wanted, broker=broker.control)
    with program(tmp_path / "run", "work_queue.py", "work", broker=broker.control) as worker:
        eventually(lambda: len(list(mq.replay(broker.control, "_mq/dead/hashers"))) == 2)
        eventually(lambda: results(broker) == wanted)
        complaints = worker.complaints.splitlines()
        no_file, no_path = f"[Errno 2] No such file or directory: {missing!r}", "embedded null byte"
        assert sorted(line.partition(": ")[2] for line in complaints) == sorted(5 * [no_file, no_path])
        assert worker.interrupt() == 0
