"""What a spool gives up, and that it says so; and a disk that takes nothing."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from broker_process import BrokerProcess

sys.path.insert(0, str(Path(__file__).parents[1] / "reliability"))

from small_disk import SmallDisk
from waiting import eventually

import mq
from mq.client import spool as spool_module
from mq.client.producer import Producer
from mq.client.spool_losses import SpoolState
from mq.client.spool_writer import BYTES_MAX_LEAST
from mq.errors import NotStored, SpoolDropped, SpoolUnusable, StillSpooled

TOPIC = "host/n1/cpu"
PATIENCE_S = 20.0
BODY = bytes(9_900)


def state(producer: Producer) -> SpoolState:
    assert producer.spool is not None
    return producer.spool


def numbers(broker: BrokerProcess) -> list[int]:
    return [int(message.body.rstrip(b"\0")) for message in mq.replay(broker.control, TOPIC)]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    small = SmallDisk(tmp_path / "small")
    yield small
    small.close()


def test_over_its_bytes_the_oldest_are_dropped_counted_and_said(
    broker: BrokerProcess, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broker.kill()
    count = 1_000
    with mq.Producer(
        broker.control, spool=tmp_path / "spool", spool_bytes_max=BYTES_MAX_LEAST, buffer_bytes_max=0
    ) as producer:
        first = producer.send("quiet", b"first of all")  # memory takes one, and keeps it
        acks = [producer.send(TOPIC, b"%d" % number + BODY) for number in range(count)]
        files = sum(path.stat().st_size for path in (tmp_path / "spool").iterdir())
        assert files <= BYTES_MAX_LEAST
        dropped = state(producer).dropped
        assert count - BYTES_MAX_LEAST // 10_000 - 1 <= dropped < count - BYTES_MAX_LEAST * 0.9 // 10_000
        with pytest.raises(SpoolDropped, match="holds 4194304 bytes at most") as caught:
            acks[0].result(PATIENCE_S)
        assert caught.value.topic == TOPIC
        broker.restart()
        assert [ack.result(PATIENCE_S).offset for ack in acks[dropped:]] == list(range(count - dropped))
        assert first.result(PATIENCE_S).offset == 0
        assert state(producer).records == 0
    assert numbers(broker) == list(range(dropped, count))
    assert [record.message for record in caplog.records if "loses records" in record.message] != []
    assert len([record for record in caplog.records if "loses records" in record.message]) == 1


class Clock:
    """The time of day, or later."""

    ahead_s = 0

    def time_ns(self) -> int:
        """Return it."""
        return time.time_ns() + self.ahead_s * 1_000_000_000


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    it = Clock()
    monkeypatch.setattr(spool_module, "time", it)
    return it


def test_what_is_too_old_is_dropped_and_what_is_not_goes_on(
    broker: BrokerProcess, tmp_path: Path, clock: Clock
) -> None:
    broker.kill()
    with mq.Producer(broker.control, spool=tmp_path / "spool", spool_age_s_max=3_600, buffer_bytes_max=0) as producer:
        producer.send("quiet", b"memory takes one, and keeps it")
        old = [producer.send(TOPIC, b"%d" % number) for number in range(50)]
        clock.ahead_s = 3_599
        young = producer.send(TOPIC, b"50")
        clock.ahead_s = 3_601
        assert eventually(lambda: state(producer).dropped) == 50
        for ack in old:
            with pytest.raises(SpoolDropped, match="older than 3600 s"):
                ack.result(PATIENCE_S)
        broker.restart()
        assert young.result(PATIENCE_S).offset == 0
    assert numbers(broker) == [50]


def test_flush_does_not_wait_for_what_was_dropped(broker: BrokerProcess, tmp_path: Path, clock: Clock) -> None:
    broker.kill()
    with mq.Producer(broker.control, spool=tmp_path / "spool") as producer:
        for number in range(50):
            producer.send(TOPIC, b"%d" % number)
        producer.close(0)
    clock.ahead_s = 90_000
    with mq.Producer(broker.control, spool=tmp_path / "spool") as producer:
        producer.flush(PATIENCE_S)
        assert state(producer)[:1] + state(producer)[2:3] == (0, 50)


def test_a_new_life_does_not_send_what_is_too_old(broker: BrokerProcess, tmp_path: Path, clock: Clock) -> None:
    broker.kill()
    with mq.Producer(broker.control, spool=tmp_path / "spool") as producer:
        producer.send(TOPIC, b"0")
        producer.close(0)
    broker.restart()
    clock.ahead_s = 90_000
    with mq.Producer(broker.control, spool=tmp_path / "spool") as producer:
        assert eventually(lambda: state(producer).dropped) == 1
        assert producer.send(TOPIC, b"1").result(PATIENCE_S).offset == 0
    assert numbers(broker) == [1]


def test_on_a_full_disk_records_wait_in_memory_as_many_as_there_is_room_for_and_none_is_called_kept(
    broker: BrokerProcess, disk: SmallDisk, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broker.kill()
    spool = disk.path / "spool"
    producer = mq.Producer(broker.control, spool=spool, buffer_bytes_max=100_000, block_s_max=0.05)
    kept = [producer.send(TOPIC, b"%d" % number + BODY) for number in range(5)]
    disk.fill()
    acks: list[mq.Ack] = []

    def send_all() -> None:
        while True:
            acks.append(producer.send(TOPIC, b"%d" % (5 + len(acks)) + BODY))

    with pytest.raises(NotStored, match="the spool's disk takes nothing"):
        send_all()
    assert state(producer).failure is not None
    assert "No space left on device" in str(state(producer).failure)
    assert len(acks) < 10
    broker.restart()
    everything = kept + acks
    assert [ack.result(PATIENCE_S).offset for ack in everything] == list(range(len(everything)))
    disk.free()
    assert producer.send(TOPIC, b"%d" % len(everything)).result(PATIENCE_S).offset == len(everything)
    assert state(producer).failure is None
    producer.close()
    assert numbers(broker) == list(range(len(everything) + 1))
    said = [record.message for record in caplog.records if record.name.startswith("mq.client.spool")]
    assert [("takes no records" in line, "again" in line) for line in said] == [(True, False), (False, True)]


def test_what_a_full_disk_did_not_take_is_raised_at_the_end_and_what_it_did_is_not(
    broker: BrokerProcess, disk: SmallDisk
) -> None:
    broker.kill()
    producer = mq.Producer(broker.control, spool=disk.path / "spool")
    kept = producer.send(TOPIC, b"0")
    disk.fill()
    only_in_memory = [producer.send(TOPIC, BODY) for _ in range(2)][-1]
    with pytest.raises(NotStored):
        producer.close(0)
    with pytest.raises(StillSpooled):
        kept.result(0)
    with pytest.raises(NotStored):
        only_in_memory.result(0)


def test_on_a_full_disk_no_producer_begins(disk: SmallDisk) -> None:
    disk.fill_with_files()
    with pytest.raises(SpoolUnusable, match="No space left on device"):
        mq.Producer("tcp://127.0.0.1:1", spool=disk.path / "spool")


def test_what_waits_is_synced_each_second_and_what_is_acknowledged_at_once_is_not(
    broker: BrokerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = threading.Semaphore(0)
    sync = spool_module.Spool._sync

    def count(self: spool_module.Spool, call: object) -> None:
        sync(self, call)  # type: ignore[arg-type]
        synced.release()

    monkeypatch.setattr(spool_module.Spool, "_sync", count)
    with mq.Producer(broker.control, "written", spool=tmp_path / "spool") as producer:
        until = time.monotonic() + 2.5
        while time.monotonic() < until:
            producer.send(TOPIC, b"1").result(PATIENCE_S)
            producer.send(TOPIC, b"1")  # there is always something under way
        assert not synced.acquire(blocking=False)
        broker.kill()
        producer.send(TOPIC, b"2")
        assert synced.acquire(timeout=PATIENCE_S)
        broker.restart()
