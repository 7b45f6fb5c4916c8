"""A spool whose disk does not take all, or whose files go away under it: what is said, and what is kept after all."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from broker_process import BrokerProcess

sys.path.insert(0, str(Path(__file__).parents[1] / "reliability"))

from small_disk import SmallDisk
from waiting import eventually

import mq
from mq.client.producer import Producer
from mq.client.spool_losses import SpoolState
from mq.errors import NotStored, SpoolDropped, SpoolHeld, SpoolUnusable

NOBODY = "tcp://127.0.0.1:1"
LARGE = 100_000
PATIENCE_S = 20.0


def state(producer: Producer) -> SpoolState:
    assert producer.spool is not None
    return producer.spool


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    lines = [record.message for record in caplog.records if record.name.startswith("mq.client.spool")]
    return [line for line in lines if "takes no records" in line or "again" in line]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    small = SmallDisk(tmp_path / "small")
    yield small
    small.close()


def fill_but_for_small_ones(producer: Producer, disk: SmallDisk) -> None:
    """Send large records, which do not fit, and small ones, which do."""
    disk.fill(pages_left=4)
    for _ in range(20):
        producer.send("large", bytes(LARGE))
        producer.send("small", bytes(50))


def test_a_failure_stays_while_records_wait_in_memory_only_and_is_said_once(
    disk: SmallDisk, caplog: pytest.LogCaptureFixture
) -> None:
    with mq.Producer(NOBODY, spool=disk.path / "spool") as producer:
        fill_but_for_small_ones(producer, disk)
        assert "No space left" in str(state(producer).failure)
        assert (state(producer).records, state(producer).memory_only) == (40, 20)
        assert len(said(caplog)) == 1
        disk.free()
        assert eventually(lambda: state(producer).failure is None)
        assert state(producer).memory_only == 0
        assert [("takes no records" in line, "again" in line) for line in said(caplog)] == [
            (True, False),
            (False, True),
        ]
        producer.close(0)


def test_what_got_to_the_disk_late_survives_a_kill_in_its_order(broker: BrokerProcess, disk: SmallDisk) -> None:
    program = """
import sys, mq
producer = mq.Producer("tcp://127.0.0.1:1", "written", spool=sys.argv[1])
for number in range(40):
    producer.send("large", b"%d " % number + bytes(100_000))
    producer.send("small", b"%d" % number)
print(producer.spool.memory_only, flush=True)
sys.stdin.readline()
while producer.spool.memory_only:
    producer.send("small", b"40")
print(producer.spool.failure, flush=True)
sys.stdin.readline()
"""
    disk.fill(pages_left=64)
    command = [sys.executable, "-c", program, str(disk.path / "spool")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as killed:
        assert killed.stdin is not None
        assert killed.stdout is not None
        assert int(killed.stdout.readline()) > 30
        disk.free()
        killed.stdin.write(b"\n")
        killed.stdin.flush()
        assert killed.stdout.readline() == b"None\n"
        killed.kill()
    with mq.Producer(broker.control, "written", spool=disk.path / "spool") as producer:
        producer.flush(PATIENCE_S)
    found = [int(message.body.split()[0]) for message in mq.replay(broker.control, "large")]
    assert found == list(range(40))
    small = [int(message.body) for message in mq.replay(broker.control, "small")]
    assert small[:40] == list(range(40))


def test_with_a_broker_that_takes_all_a_small_record_does_not_take_a_large_ones_failure_back(
    broker: BrokerProcess, disk: SmallDisk, caplog: pytest.LogCaptureFixture
) -> None:
    with mq.Producer(broker.control, "written", spool=disk.path / "spool") as producer:
        disk.fill(pages_left=4)
        for _ in range(10):
            producer.send("large", bytes(LARGE)).result(PATIENCE_S)
            producer.send("small", bytes(50)).result(PATIENCE_S)
        assert state(producer).failure is not None
        assert state(producer).memory_only == 0
        assert len(said(caplog)) == 1
        disk.free()
        producer.send("small", bytes(50)).result(PATIENCE_S)
        assert state(producer).failure is None


def delete(spool: Path) -> None:
    shutil.rmtree(spool)


def move(spool: Path) -> None:
    spool.rename(spool.with_name("moved"))


def replace(spool: Path) -> None:
    move(spool)
    spool.mkdir()


def delete_files(spool: Path) -> None:
    for path in spool.iterdir():
        path.unlink()


@pytest.mark.parametrize("harm", [delete, move, replace, delete_files])
def test_files_that_go_away_are_noticed_and_said_and_nothing_is_lost_in_silence(
    broker: BrokerProcess, tmp_path: Path, caplog: pytest.LogCaptureFixture, harm: object
) -> None:
    spool = tmp_path / "spool"
    broker.kill()
    with mq.Producer(broker.control, "written", spool=spool) as producer:
        before = producer.send("a", b"before")
        harm(spool)  # type: ignore[operator]
        assert "deleted or moved away" in str(eventually(lambda: state(producer).failure))
        assert len(said(caplog)) == 1
        after = producer.send("a", b"after")
        assert (state(producer).records, state(producer).memory_only) == (2, 2)
        assert not list(spool.glob("*"))
        broker.restart()
        assert (before.result(PATIENCE_S).offset, after.result(PATIENCE_S).offset) == (0, 1)


def test_what_was_in_memory_only_when_the_files_went_away_is_raised_at_the_end(tmp_path: Path) -> None:
    producer = mq.Producer(NOBODY, spool=tmp_path / "spool", buffer_bytes_max=1)
    in_memory, on_disk = producer.send("a", b"0"), producer.send("a", b"1")
    shutil.rmtree(tmp_path / "spool")
    with pytest.raises(NotStored):
        producer.close(0)
    with pytest.raises(NotStored):
        in_memory.result(0)
    with pytest.raises(SpoolDropped, match="deleted or moved away"):
        on_disk.result(0)


def test_what_was_only_in_a_file_that_is_deleted_is_dropped_and_the_rest_arrives(
    broker: BrokerProcess, tmp_path: Path
) -> None:
    broker.kill()
    with mq.Producer(broker.control, "written", spool=tmp_path / "spool") as producer:
        producer.send("a", b"first")
        producer.close(0)
    with mq.Producer(broker.control, "written", spool=tmp_path / "spool", buffer_bytes_max=1) as producer:
        producer.send("a", b"second")
        min((tmp_path / "spool").iterdir()).unlink()
        broker.restart()
        producer.flush(PATIENCE_S)
        assert state(producer).dropped == 1
    assert [message.body for message in mq.replay(broker.control, "a")] == [b"second"]


def test_a_second_producer_on_the_directory_made_anew_is_not_disturbed(broker: BrokerProcess, tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    first = mq.Producer(NOBODY, spool=spool)
    shutil.rmtree(spool)
    with mq.Producer(NOBODY, "written", spool=spool) as second:
        first.send("a", b"first")
        second.send("a", b"second")
        for _ in range(100):
            first.send("a", bytes(LARGE))
        assert "deleted or moved away" in str(state(first).failure)
        assert len(list(spool.iterdir())) == 1
        with pytest.raises(NotStored):
            first.close(0)
        second.close(0)
    with mq.Producer(broker.control, "written", spool=spool) as third:
        third.flush(PATIENCE_S)
    assert [message.body for message in mq.replay(broker.control, "a")] == [b"second"]


def test_a_relative_directory_is_found_after_the_working_directory_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    producer = mq.Producer(NOBODY, spool="spool")
    monkeypatch.chdir("/")
    for _ in range(100):
        producer.send("a", bytes(LARGE))
    assert state(producer).failure is None
    producer.close(0)
    assert len(list((tmp_path / "spool").iterdir())) > 1


FORKING = """
import os, sys, mq
producer = mq.Producer("tcp://127.0.0.1:1", spool=sys.argv[1])
child = os.fork()
if child == 0:
    os.read(0, 1)
    os._exit(0)
if sys.argv[2] == "close":
    producer.close(0)
print(child, flush=True)
os.waitpid(child, 0)
"""


@pytest.fixture
def forking(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[bytes]]:
    """Return a process that has forked after it made a producer."""
    command = [sys.executable, "-W", "ignore", "-c", FORKING, str(tmp_path / "spool"), request.param]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield process


def child_of(process: subprocess.Popen[bytes]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


@pytest.mark.parametrize("forking", ["close"], indirect=True)
def test_close_lets_go_though_a_child_was_forked(tmp_path: Path, forking: subprocess.Popen[bytes]) -> None:
    os.kill(child_of(forking), 0)
    mq.Producer(NOBODY, spool=tmp_path / "spool").close(0)


@pytest.mark.parametrize("forking", ["keep"], indirect=True)
def test_who_holds_a_spool_is_said(tmp_path: Path, forking: subprocess.Popen[bytes]) -> None:
    child = child_of(forking)
    forking.send_signal(signal.SIGKILL)
    forking.wait()
    os.kill(child, 0)
    with pytest.raises(SpoolHeld, match=f"process {forking.pid} or a child of it") as caught:
        mq.Producer(NOBODY, spool=tmp_path / "spool")
    assert caught.value.process == forking.pid


def test_a_file_that_no_other_can_follow_is_refused_by_its_name(tmp_path: Path) -> None:
    name = "@99999999999999999999.frames"
    (tmp_path / name).touch()
    for _ in range(2):
        with pytest.raises(SpoolUnusable, match="no file can follow") as caught:
            mq.Producer(NOBODY, spool=tmp_path)
        assert caught.value.path == str(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_the_highest_number_that_another_can_follow_is_taken(tmp_path: Path) -> None:
    (tmp_path / "@99999999999999999998.frames").touch()
    mq.Producer(NOBODY, spool=tmp_path).close(0)
    with pytest.raises(SpoolUnusable, match="no file can follow"):
        mq.Producer(NOBODY, spool=tmp_path)
