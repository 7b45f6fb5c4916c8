"""What all readers share: this host can be read, and a source reads on whatever comes up."""

from __future__ import annotations

import logging
import math
import time

import msgpack
import psutil
import pytest
from fake_host import AFTER, ALL_CORES, BEFORE, MEMORY, SWAP, FakeHost, cores

from collectors.readers import METRICS
from collectors.sample import this_collector
from collectors.source import Source

UNITS = {"cpu": "%", "mem": "%", "disk": "%", "net": "B/s"}


def test_there_are_four_metrics_each_with_its_interval() -> None:
    assert {name: metric.interval_s for name, metric in METRICS.items()} == {"cpu": 1, "mem": 5, "disk": 5, "net": 5}


@pytest.mark.parametrize("name", METRICS)
def test_this_host_can_be_read(name: str) -> None:
    reading = METRICS[name].make(psutil)()
    assert reading.unit == UNITS[name]
    assert math.isfinite(reading.value)
    assert 0 <= reading.value <= (100 if reading.unit == "%" else math.inf)


def test_a_source_makes_samples_of_now() -> None:
    source = Source("cpu", "n1", cores([BEFORE, AFTER]))
    began = time.time_ns()
    sample = msgpack.unpackb(source.sample() or b"")
    assert began <= sample["time"] <= time.time_ns()
    assert (sample["value"], sample["node"], sample["collector"]) == (ALL_CORES, "n1", this_collector())


def test_a_reading_that_fails_costs_its_sample_and_is_complained_of_once(caplog: pytest.LogCaptureFixture) -> None:
    broken = OSError("no such thing")
    source = Source("cpu", "n1", cores([BEFORE, broken, broken, BEFORE, AFTER, broken, AFTER]))
    with caplog.at_level(logging.ERROR):
        assert [source.sample() is not None for _ in range(6)] == [False, False, True, True, False, True]
    complaints = [record.message for record in caplog.records]
    assert complaints == ["cpu cannot be read, its samples are skipped: OSError: no such thing"] * 2


def test_while_a_reading_fails_the_source_has_a_trouble_to_tell() -> None:
    broken = OSError("no such thing")
    source = Source("cpu", "n1", cores([BEFORE, broken, broken, BEFORE, AFTER]))
    said = "cpu cannot be read, its samples are skipped: OSError: no such thing"
    troubles = [(source.sample(), source.trouble)[1] for _ in range(3)]
    assert troubles == [said, said, None]


def test_a_reader_that_cannot_be_made_is_made_later(caplog: pytest.LogCaptureFixture) -> None:
    broken = KeyError("cpu")
    source = Source("cpu", "n1", cores([broken, broken, BEFORE, AFTER]))
    assert [source.sample() is not None for _ in range(3)] == [False, False, True]
    assert len(caplog.records) == 1


def test_a_reader_that_fails_stops_none_of_the_others(caplog: pytest.LogCaptureFixture) -> None:
    machine = FakeHost(
        cpu_times=[BEFORE, AFTER], getloadavg=[(0.5, 0.5, 0.5)], virtual_memory=[MEMORY], swap_memory=[SWAP],
        disk_io_counters=[{}], disk_usage=[OSError("no answer")], disk_partitions=[OSError("no mounts")],
        net_io_counters=[{}],
    )  # fmt: skip
    sources = {metric: Source(metric, "n1", machine) for metric in METRICS}
    for _ in range(3):
        assert [metric for metric, source in sources.items() if source.sample() is not None] == ["cpu", "mem", "net"]
    (complaint,) = caplog.messages
    assert complaint == "disk cannot be read, its samples are skipped: OSError: no answer"
