"""CPU time against recorded counters: what becomes of them, and of counters that lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from fake_host import AFTER, ALL_CORES, BEFORE, PER_CORE, Times, cores
from hypothesis import given
from hypothesis import strategies as st

from collectors.readers import cpu
from collectors.sample import Reading

ZERO = Times(*[0.0] * 10)
COUNTERS = st.lists(st.floats(0, 1e7), min_size=10, max_size=10).map(lambda numbers: Times(*numbers))


def read_between(before: Sequence[Any], after: Sequence[Any]) -> Reading:
    return cpu.reader(cores([before, after]))()


def test_cpu_is_busy_time_over_all_time_of_each_core_and_of_all() -> None:
    reading = read_between(BEFORE, AFTER)
    assert reading.detail["per_core"] == PER_CORE
    assert (reading.value, reading.unit) == (ALL_CORES, "%")
    assert reading.detail["load"] == [0.52, 0.48, 0.5]


def test_each_reading_is_of_the_time_since_the_one_before() -> None:
    read = cpu.reader(cores([BEFORE, AFTER, AFTER, [each._replace(user=each.user + 1) for each in AFTER]]))
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
    read = cpu.reader(cores([BEFORE, after, later]))
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
