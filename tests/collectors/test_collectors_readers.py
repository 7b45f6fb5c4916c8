"""Readers against recorded counters: what they make of them, and of counters that lie."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Any

import msgpack
import psutil
import pytest
from fake_host import AFTER, ALL_CORES, BEFORE, PER_CORE, FakeHost, Times
from hypothesis import given
from hypothesis import strategies as st

from collectors.readers import METRICS, cpu
from collectors.sample import Reading, encode, topic_of
from collectors.source import Source
from mq.errors import BadTopic

ZERO = Times(*[0.0] * 10)
COUNTERS = st.lists(st.floats(0, 1e7), min_size=10, max_size=10).map(lambda numbers: Times(*numbers))


def read_between(before: Sequence[Any], after: Sequence[Any]) -> Reading:
    return cpu(FakeHost([before, after]))()


def test_cpu_is_busy_time_over_all_time_of_each_core_and_of_all() -> None:
    reading = read_between(BEFORE, AFTER)
    assert reading.detail["per_core"] == PER_CORE
    assert (reading.value, reading.unit) == (ALL_CORES, "%")
    assert reading.detail["load"] == [0.52, 0.48, 0.5]


def test_each_reading_is_of_the_time_since_the_one_before() -> None:
    read = cpu(FakeHost([BEFORE, AFTER, AFTER, [each._replace(user=each.user + 1) for each in AFTER]]))
    assert [read().value for _ in range(3)] == [ALL_CORES, 0.0, 100.0]


@pytest.mark.parametrize("counter", ["user", "nice", "system", "irq", "softirq", "steal"])
def test_work_interrupts_and_what_the_hypervisor_took_are_busy_time(counter: str) -> None:
    assert read_between([ZERO], [ZERO._replace(idle=1.0, **{counter: 1.0})]).value == 50.0


def test_waiting_for_a_disk_is_idle_time() -> None:
    assert read_between([ZERO], [ZERO._replace(iowait=1.0, user=1.0)]).value == 50.0


@pytest.mark.parametrize(("guest", "host"), [("guest", "user"), ("guest_nice", "nice")])
def test_a_guests_time_counts_once(guest: str, host: str) -> None:
    assert read_between([ZERO], [ZERO._replace(idle=1.0, **{guest: 1.0, host: 1.0})]).value == 50.0


def test_a_counter_that_goes_back_counts_as_still() -> None:
    before = [ZERO._replace(user=10.0, idle=100.0, iowait=50.0)]
    after = [ZERO._replace(user=10.5, idle=100.5, iowait=49.0)]
    assert read_between(before, after).value == 50.0
    assert read_between(after, [ZERO]).value == 0.0


def test_counters_of_another_system_will_do() -> None:
    few = [
        type("Few", (), {"_fields": ("user", "idle"), "user": user, "idle": idle}) for user, idle in ((1, 1), (2, 4))
    ]
    assert read_between([few[0]], [few[1]]).value == 25.0


@pytest.mark.parametrize("after", [AFTER[:3], [*AFTER, AFTER[0]]])
def test_when_a_core_comes_or_goes_one_reading_fails_and_the_next_is_real(after: list[Times]) -> None:
    later = [each._replace(user=each.user + 1.0) for each in after]
    read = cpu(FakeHost([BEFORE, after, later]))
    with pytest.raises(OSError, match=f"the number of cores went from 4 to {len(after)}"):
        read()
    assert read().value == 100.0


@given(st.integers(1, 5).flatmap(lambda n: st.tuples(*[st.lists(COUNTERS, min_size=n, max_size=n)] * 2)))
def test_whatever_the_counters_say_it_is_a_percentage(snapshots: tuple[list[Times], list[Times]]) -> None:
    reading = read_between(*snapshots)
    per_core = reading.detail["per_core"]
    assert isinstance(per_core, list)
    assert len(per_core) == len(snapshots[0])
    assert all(0.0 <= value <= 100.0 for value in (reading.value, *per_core))


def test_this_hosts_counters_can_be_read() -> None:
    for name, metric in METRICS.items():
        reading = metric.make(psutil)()
        assert 0 <= reading.value <= 100, name
        assert metric.interval_s > 0


def test_a_sample_is_one_msgpack_map_with_the_keys_of_the_contract() -> None:
    sample = msgpack.unpackb(
        encode(read_between(BEFORE, AFTER), time=1_764_000_000_000_000_001, node="n1", metric="cpu")
    )
    assert list(sample) == ["time", "node", "metric", "value", "unit", "per_core", "load"]
    assert (sample["time"], sample["node"], sample["metric"]) == (1_764_000_000_000_000_001, "n1", "cpu")
    assert (sample["value"], sample["unit"], sample["per_core"]) == (ALL_CORES, "%", PER_CORE)


def test_a_sample_goes_to_the_topic_of_its_node_and_metric() -> None:
    assert topic_of("n1", "cpu") == "host/n1/cpu"
    for node in ("", ".n1", "a b", "x" * 200):
        with pytest.raises(BadTopic):
            topic_of(node, "cpu")


def test_a_source_makes_samples_of_now() -> None:
    source = Source("cpu", "n1", FakeHost([BEFORE, AFTER]))
    began = time.time_ns()
    sample = msgpack.unpackb(source.sample() or b"")
    assert began <= sample["time"] <= time.time_ns()
    assert (sample["value"], sample["node"]) == (ALL_CORES, "n1")


def test_a_reading_that_fails_costs_its_sample_and_is_complained_of_once(caplog: pytest.LogCaptureFixture) -> None:
    broken = OSError("no such thing")
    source = Source("cpu", "n1", FakeHost([BEFORE, broken, broken, BEFORE, AFTER, broken, AFTER]))
    with caplog.at_level(logging.ERROR):
        assert [source.sample() is not None for _ in range(6)] == [False, False, True, True, False, True]
    complaints = [record.message for record in caplog.records]
    assert complaints == ["cpu cannot be read, its samples are skipped: OSError: no such thing"] * 2


def test_a_reader_that_cannot_be_made_is_made_later(caplog: pytest.LogCaptureFixture) -> None:
    broken = KeyError("cpu")
    source = Source("cpu", "n1", FakeHost([broken, broken, BEFORE, AFTER]))
    assert [source.sample() is not None for _ in range(3)] == [False, False, True]
    assert len(caplog.records) == 1
