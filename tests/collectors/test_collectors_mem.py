"""Memory against recorded figures."""

from __future__ import annotations

import math

from fake_host import MEMORY, SWAP, FakeHost
from hypothesis import given
from hypothesis import strategies as st

from collectors.readers import mem


def test_memory_is_what_programs_cannot_have_with_its_parts_in_bytes() -> None:
    reading = mem.reader(FakeHost(virtual_memory=[MEMORY], swap_memory=[SWAP]))()
    assert (reading.value, reading.unit) == (30.0, "%")
    assert reading.detail == {
        "total": 16_626_614_272,
        "used": 4_987_990_016,
        "available": 11_638_624_256,
        "cached": 8_437_977_088,
        "swap_total": 2_147_479_552,
        "swap_used": 536_870_912,
    }


def test_used_is_the_rest_of_available_whatever_this_psutil_calls_used() -> None:
    reading = mem.reader(FakeHost(virtual_memory=[MEMORY._replace(used=1)], swap_memory=[SWAP]))()
    assert reading.detail["used"] == MEMORY.total - MEMORY.available


@given(st.floats())
def test_whatever_psutil_says_it_is_a_percentage(percent: float) -> None:
    reading = mem.reader(FakeHost(virtual_memory=[MEMORY._replace(percent=percent)], swap_memory=[SWAP]))()
    assert math.isfinite(reading.value)
    assert 0.0 <= reading.value <= 100.0
