"""The broker's own figures, as records of `_mq/stats`."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import msgpack
from broker_kit import EPOCH, MemoryJournal
from conftest import StartBroker
from raw_wire import read

import mq
from mq.broker.counters import Counters
from mq.broker.telling import RATES, TOPIC, Telling

PATIENCE_S = 20.0
UNSTORED = 2**64 - 1


class Clock:
    """A clock that a test moves."""

    now = 100.0

    def __call__(self) -> float:  # noqa: D102 - it tells the time
        return self.now


def told(frames: list[bytes]) -> list[dict[str, Any]]:
    """Return the records in frames."""
    return [msgpack.unpackb(read(frame).body) for frame in frames]


def test_it_tells_once_an_interval_what_was_counted_and_how_fast_that_grew() -> None:
    counters, clock, journal = Counters(), Clock(), MemoryJournal()
    counters.gauges["producers"] = lambda: 3
    telling = Telling(journal, counters, 2.0, clock)
    assert telling.tell() == []
    clock.now += 2
    counters.records_appended = 500
    counters.refuse("ingest", "bad_crc")
    (found,) = told(telling.tell())
    assert (found["uptime_s"], found["epoch"], found["producers"]) == (2.0, EPOCH, 3)
    assert (found["records_appended"], found["records_appended_s"]) == (500, 250.0)
    assert found["refused"] == {"ingest": {"bad_crc": 1}}
    assert telling.tell() == []
    clock.now += 4
    (found,) = told(telling.tell())
    assert (found["records_appended"], found["records_appended_s"]) == (500, 0.0)
    assert len(journal.logs[TOPIC.encode()]) == 2


def test_what_the_journal_does_not_take_goes_out_unstored() -> None:
    clock = Clock()
    telling = Telling(MemoryJournal(refuse={TOPIC.encode(): "disk_full"}), Counters(), 1.0, clock=clock)
    clock.now += 1
    (frame,) = telling.tell()
    assert read(frame).offset == UNSTORED


def test_without_an_interval_nothing_is_told() -> None:
    clock = Clock()
    telling = Telling(MemoryJournal(), Counters(), 0, clock=clock)
    clock.now += 1_000
    assert telling.tell() == []


def test_it_is_heard_live_with_its_offset_kept_and_no_part_of_everything(start_broker: StartBroker) -> None:
    broker = start_broker(MINIMQ_STATS_INTERVAL_S="0.2", MINIMQ_SYNC_INTERVAL_S="0.1")
    with mq.Subscriber(broker.control, TOPIC, start=0) as hearing, mq.Producer(broker.control, "written") as producer:
        for number in range(5):
            producer.send("host/n1/cpu", b"x").result(PATIENCE_S)
            message = hearing.receive(PATIENCE_S)
            assert message is not None
            assert message.offset == number
    broker.stop()
    broker.restart()
    kept = [msgpack.unpackb(message.body) for message in mq.replay(broker.control, TOPIC)]
    assert all(set(record) >= {"time", "uptime_s", "epoch", *RATES, "disk_free_bytes"} for record in kept)
    assert all(before["time"] < after["time"] for before, after in pairwise(kept))
    assert kept[-1]["epoch"] >= kept[0]["epoch"]
    assert [message.topic for message in mq.last_values(broker.control, "#")] == ["host/n1/cpu"]
