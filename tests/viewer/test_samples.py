"""What is a sample."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from viewer.samples import AHEAD_NS_MAX, BODY_BYTES_MAX, EARLIEST_NS, METRICS, SECOND_NS, Malformed, Sample, parse

NOW = 1_800_000_000 * SECOND_NS
YEAR_NS = 31_557_600 * SECOND_NS

MALFORMED: list[tuple[Any, str]] = [
    (b"", "not msgpack"),
    (b"\xc1", "not msgpack"),
    (b"\x81\xa4time", "not msgpack"),
    (msgpack.packb({"time": NOW, "value": 1}) + b"x", "not msgpack"),
    (b"\x81\x90\x01", "not msgpack"),
    (b"\x91" * 5_000, "not msgpack"),
    (b"\0" * (BODY_BYTES_MAX + 1), "too large"),
    ([1, 2], "not a map"),
    (3.5, "not a map"),
    ({"value": 1.0}, "impossible time"),
    ({"time": None, "value": 1.0}, "impossible time"),
    ({"time": True, "value": 1.0}, "impossible time"),
    ({"time": float(NOW), "value": 1.0}, "impossible time"),
    ({"time": str(NOW), "value": 1.0}, "impossible time"),
    ({"time": 0, "value": 1.0}, "impossible time"),
    ({"time": -NOW, "value": 1.0}, "impossible time"),
    ({"time": EARLIEST_NS - 1, "value": 1.0}, "impossible time"),
    ({"time": NOW + AHEAD_NS_MAX + 1, "value": 1.0}, "impossible time"),
    ({"time": NOW + 73 * YEAR_NS, "value": 1.0}, "impossible time"),
    ({"time": 2**64 - 1, "value": 1.0}, "impossible time"),
    ({"time": NOW}, "impossible value"),
    ({"time": NOW, "value": "12"}, "impossible value"),
    ({"time": NOW, "value": True}, "impossible value"),
    ({"time": NOW, "value": [1.0]}, "impossible value"),
    ({"time": NOW, "value": math.nan}, "impossible value"),
    ({"time": NOW, "value": math.inf}, "impossible value"),
    ({"time": NOW, "value": -0.1}, "impossible value"),
    ({"time": NOW, "value": 100.1}, "impossible value"),
    ({"time": NOW, "value": 2**63}, "impossible value"),
]


@pytest.mark.parametrize(("body", "kind"), MALFORMED)
def test_a_body_that_is_no_sample_is_refused_by_kind(body: Any, kind: str) -> None:
    """Each has its own name on the page."""
    with pytest.raises(Malformed) as refused:
        parse(body if isinstance(body, bytes) else msgpack.packb(body), "cpu", NOW)
    assert refused.value.kind == kind


@given(st.binary(max_size=200), st.sampled_from(METRICS), st.integers(0, 2**64 - 1))
def test_any_bytes_are_a_sample_or_malformed(body: bytes, metric: str, appended: int) -> None:
    """Nothing else ever comes out of `parse`, whatever the broker's clock says."""
    with suppress(Malformed):
        parse(body, metric, appended)


def test_a_time_that_no_clock_tells_is_refused_even_if_the_broker_tells_it_too() -> None:
    """It would not fit where times are kept."""
    with pytest.raises(Malformed, match="impossible time"):
        parse(msgpack.packb({"time": 2**63, "value": 1}), "cpu", 2**64 - 1)


@pytest.mark.parametrize(("metric", "value"), [("cpu", 100), ("mem", 0), ("disk", 41.5), ("net", 1.25e9)])
def test_a_sample_is_its_time_value_and_the_rest_as_it_came(metric: str, value: float) -> None:
    """Bytes a second are no per cent; and who made it is a string or nobody."""
    body = {"time": NOW, "value": value, "collector": "alpha/7", "more": [1]}
    sample = parse(msgpack.packb(body), metric, NOW)
    assert sample == Sample(NOW, float(value), "alpha/7", 0, msgpack.packb(body))
    assert sample.detail == body
    assert parse(msgpack.packb({**body, "collector": 7}), metric, NOW).collector == ""


@pytest.mark.parametrize(
    ("said", "interval"),
    [(0.5, SECOND_NS // 2), (3600, 3600 * SECOND_NS), (0, 0), (-1, 0), (1e9, 0), ("5", 0), (None, 0)],
)
def test_when_the_next_is_due_is_known_where_that_makes_sense(said: Any, interval: int) -> None:
    """A collector that speaks once an hour is not down in between."""
    assert parse(msgpack.packb({"time": NOW, "value": 1, "interval": said}), "cpu", NOW).interval == interval


def test_a_clock_that_is_some_minutes_off_is_believed() -> None:
    """It is said beside the plot instead."""
    assert parse(msgpack.packb({"time": NOW + 600 * SECOND_NS, "value": 1}), "cpu", NOW).value == 1
