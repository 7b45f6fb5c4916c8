"""What is a sample, and in which order they are kept."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from viewer.samples import (
    AHEAD_NS_MAX,
    BODY_BYTES_MAX,
    EARLIEST_NS,
    SECOND_NS,
    SILENT_NS_MIN,
    Malformed,
    Sample,
    Window,
    parse,
    silence_ns,
    since,
)

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
    ({"time": NOW, "value": 2**63}, "impossible value"),
]


@pytest.mark.parametrize(("body", "kind"), MALFORMED)
def test_a_body_that_is_no_sample_is_refused_by_kind(body: Any, kind: str) -> None:
    """Each has its own name on the page."""
    with pytest.raises(Malformed) as refused:
        parse(body if isinstance(body, bytes) else msgpack.packb(body), NOW)
    assert refused.value.kind == kind


@given(st.binary(max_size=200))
def test_any_bytes_are_a_sample_or_malformed(body: bytes) -> None:
    """Nothing else ever comes out of `parse`."""
    with suppress(Malformed):
        parse(body, NOW)


@pytest.mark.parametrize(
    ("detail", "cores", "load"),
    [
        ({"per_core": [1.0, 2.0], "load": [0.1, 0.2, 0.3]}, 2, (0.1, 0.2, 0.3)),
        ({}, 0, ()),
        ({"per_core": 7, "load": "high"}, 0, ()),
        ({"per_core": "<b>", "load": [0.1, math.nan, "x"]}, 0, ()),
    ],
)
def test_detail_is_taken_where_it_can_be(detail: dict[str, Any], cores: int, load: tuple[float, ...]) -> None:
    """A strange detail does not cost the value."""
    assert parse(msgpack.packb({"time": NOW, "value": 50, **detail}), NOW) == Sample(NOW, 50.0, cores, load)


@given(st.lists(st.tuples(st.integers(0, 40), st.floats(0, 100))), st.integers(1, 20))
def test_a_window_is_in_order_and_bounded_whatever_arrives(arrivals: list[tuple[int, float]], limit: int) -> None:
    """The newest stay, each time once, the last word about it counting."""
    window = Window(limit)
    for time, value in arrivals:
        window.add(Sample(time, value))
    kept = window.all()
    assert len(kept) <= limit
    assert [sample.time for sample in kept] == sorted({sample.time for sample in kept})
    newest = sorted(dict(arrivals))[-limit:]
    assert not newest or kept[-1].time == newest[-1]
    if len(dict(arrivals)) <= limit:
        assert {sample.time: sample.value for sample in kept} == dict(arrivals)


def test_since_starts_with_the_first_sample_that_is_not_older() -> None:
    """The start itself is in."""
    samples = [Sample(time, 0.0) for time in (1, 3, 5)]
    assert [len(since(samples, start)) for start in (0, 1, 2, 5, 6)] == [3, 3, 2, 1, 0]


def test_silence_is_three_times_what_is_usual() -> None:
    """A collector that speaks every ten seconds is not silent after six."""
    assert silence_ns([]) == silence_ns([Sample(0, 0.0)]) == SILENT_NS_MIN
    assert silence_ns([Sample(second * SECOND_NS, 0.0) for second in range(20)]) == SILENT_NS_MIN
    assert silence_ns([Sample(second * SECOND_NS, 0.0) for second in range(0, 200, 10)]) == 30 * SECOND_NS
