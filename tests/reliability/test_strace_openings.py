"""Calls that fail while a broker starts: it says so in one line and touches nothing, or serves all that it had."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from broker_process import NAMES, BrokerProcess
from checker import ACKNOWLEDGED, Told, assert_dense, sort
from conftest import StartBroker
from load import kept_in
from rounds import TOPICS, Rounds
from tracing import MKDIRS, RENAMES, STATS, Fault, strace

import mq
from mq.journal.verify import verify

END_S_MAX = 60.0
NO_MARKS = {"MINIMQ_SYNC_INTERVAL_S": "3600"}
LOG = f"topics/{TOPICS[0]}/@{0:020}.log"
DRAFT = "journal.new"
OWN = ("lock", DRAFT)
FAILING = [
    *((Fault("openat", error), "lock") for error in ("EMFILE", "EROFS", "ENOSPC", "EIO")),
    (Fault("openat", "EIO"), "journal"),
    (Fault("pread64", "EIO"), "journal"),
    (Fault("getdents64", "EIO"), "topics"),
    (Fault("openat", "EMFILE"), f"topics/{TOPICS[0]}"),
    (Fault(STATS, "EIO"), LOG),
    *((Fault("openat", error), LOG) for error in ("EMFILE", "EIO")),
    *((Fault("openat", error), DRAFT) for error in ("EMFILE", "EROFS", "EIO")),
    *((Fault("write", error), DRAFT) for error in ("EIO", "EROFS")),
    *((Fault("fdatasync", error), DRAFT) for error in ("EIO", "EROFS")),
    *((Fault(RENAMES, error), DRAFT) for error in ("EIO", "EROFS")),
]
IN_THE_NEXT_EPOCH = (Fault("fsync", "EIO"), ".")
NOT_BEGUN = [
    *((Fault(MKDIRS, error), "") for error in ("ENOSPC", "EROFS")),
    *((Fault(MKDIRS, error), "topics") for error in ("EDQUOT", "EIO")),
]
COPY = f"quarantine/{TOPICS[0].replace('/', '@')}@{0:020}@{{torn}}.0.torn"
UNCUT = [
    (Fault(MKDIRS, "EIO"), "quarantine"),
    (Fault("openat", "EMFILE"), COPY),
    (Fault("write", "ENOSPC"), COPY),
    (Fault("fdatasync", "EIO"), COPY),
    (Fault("fsync", "EIO"), "quarantine"),
    (Fault("truncate", "EIO"), LOG),
]


def named(cases: list[tuple[Fault, str]]) -> list[object]:
    """Return cases with names that say which call fails on what."""
    return [pytest.param(fault, path, id=f"{fault} on {path.partition('{')[0]}") for fault, path in cases]


def command(data: Path) -> list[str]:
    """Return what starts a broker."""
    ports = [f"--{name}=tcp://127.0.0.1:*" for name in NAMES]
    return [sys.executable, "-m", "mq.cli", "broker", "--data", str(data), *ports]


def complaint(fault: Fault, path: Path, data: Path) -> str:
    """Start a broker that cannot start, and return the one line that it says."""
    trace = data.with_name("trace")
    done = subprocess.run(
        [*strace(trace, fault, [path]), *command(data)], capture_output=True, text=True, timeout=END_S_MAX, check=False
    )
    assert "(INJECTED)" in trace.read_text()
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    (line,) = done.stderr.splitlines()
    return line


def tree(data: Path) -> dict[str, tuple[bytes, int]]:
    """Return all files with their bytes and times, but for those that say who tried."""
    files = (path for path in data.rglob("*") if path.is_file() and path.name not in OWN)
    return {str(path.relative_to(data)): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


class Past(NamedTuple):
    """A data directory whose broker was killed, and what producers had been told."""

    data: Path
    told: list[Told]

    def hold(self, control: str, *more: Told) -> int:
        """Hold what a broker gives back against what was told, and return where the first topic ends."""
        kept = {topic: kept_in(control, topic) for topic in TOPICS}
        for records in kept.values():
            assert_dense(records)
        assert not sort([*self.told, *more], kept).wrong
        return len(kept[TOPICS[0]])


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Past:
    broker = BrokerProcess(tmp_path_factory.mktemp("past") / "data", NO_MARKS)
    try:
        with Rounds(broker.control, broker.ingest) as rounds:
            assert rounds.go() == set(ACKNOWLEDGED)
    finally:
        broker.kill()
    return Past(broker.data, rounds.told)


@pytest.mark.parametrize(("fault", "path"), named(FAILING))
def test_a_start_that_fails_says_why_in_one_line_and_touches_nothing(past: Past, fault: Fault, path: str) -> None:
    before = tree(past.data)
    said = complaint(fault, past.data / path, past.data)
    assert said.startswith(f"minimq: {past.data} cannot be used ({past.data}")
    assert os.strerror(getattr(errno, fault.error)) in said
    assert said.endswith("mend that, or name another with --data")
    assert tree(past.data) == before


def test_after_starts_that_failed_one_that_does_not_serves_all_there_was(
    past: Past, tmp_path: Path, start_broker: StartBroker
) -> None:
    shutil.copytree(past.data, tmp_path / "data")
    for fault, path in (*FAILING[::4], IN_THE_NEXT_EPOCH):
        complaint(fault, tmp_path / "data" / path, tmp_path / "data")
    broker = start_broker()
    past.hold(broker.control)
    assert broker.stop() == 0
    assert verify(str(broker.data)).whole


@pytest.mark.parametrize(("fault", "path"), named(NOT_BEGUN))
def test_a_directory_that_cannot_be_begun_is_said_in_one_line(
    tmp_path: Path, start_broker: StartBroker, fault: Fault, path: str
) -> None:
    data = tmp_path / "data"
    said = complaint(fault, data / path, data)
    assert os.strerror(getattr(errno, fault.error)) in said
    assert not tree(tmp_path).keys() - {"trace"}
    start_broker().stop()


@contextmanager
def started(fault: Fault, path: Path, data: Path) -> Iterator[str]:
    """Start a broker of which a call fails, and yield where it serves all the same; it has to end in order."""
    trace = data.with_name("trace")
    tracer_aside = [*strace(trace, fault, [path]), "-D"]  # so that the process which is started is the broker
    with subprocess.Popen([*tracer_aside, *command(data)], stdout=subprocess.PIPE, text=True) as broker:
        try:
            assert broker.stdout is not None
            endpoints = dict(part.split("=", 1) for part in broker.stdout.readline().split()[1:])
            assert "(INJECTED)" in trace.read_text()
            yield endpoints["control"]
            broker.terminate()
            assert broker.wait(END_S_MAX) == 0
        finally:
            broker.kill()


@pytest.mark.parametrize(("fault", "path"), named(UNCUT))
def test_a_torn_tail_that_cannot_be_cut_is_left_and_all_before_it_served(
    past: Past, tmp_path: Path, start_broker: StartBroker, fault: Fault, path: str
) -> None:
    data = tmp_path / "data"
    shutil.copytree(past.data, data)
    torn = (data / LOG).stat().st_size
    with (data / LOG).open("ab") as log:
        log.write(b"t" * 500)
    with started(fault, data / path.format(torn=torn), data) as control:
        end = past.hold(control)
        with mq.Producer(control, "durable") as producer:
            assert producer.send(TOPICS[0], b"more").result(END_S_MAX).offset == end
    assert (data / LOG).stat().st_size == torn + 500
    assert [finding.kind for finding in verify(str(data)).findings] == ["torn"]
    broker = start_broker()
    assert past.hold(broker.control, Told(TOPICS[0], b"more", "durable", end)) == end + 1
    assert broker.stop() == 0
