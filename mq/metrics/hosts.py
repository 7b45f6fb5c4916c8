"""The hosts' values, out of the last samples of ``host/<node>/<metric>``: what they hold is in `collectors/sample.py`.

Anybody may have sent them, so each value is looked at before it is passed on. A sample that is none says nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgpack
from prometheus_client.core import GaugeMetricFamily, Metric

from mq.metrics.facts import Sample

METRICS = ("cpu", "mem", "disk", "net")
SAMPLE_BYTES_MAX = 32 << 10
MOUNTS_MAX = 64
MOUNT_CHARACTERS_MAX = 200
INTERVAL_S_MAX = 86_400
MISSED_MAX = 3
"""How many samples in a row may stay out before the last one is no longer the node's state."""


class Value(NamedTuple):
    """A metric that is one number in a sample of `metric`, at `path`; `divisor` makes it the unit of its name."""

    name: str
    purpose: str
    metric: str
    path: tuple[str | int, ...]
    divisor: int = 1
    most: float = math.inf


VALUES = (
    Value("cpu_utilization_ratio", "Busy share of all cores.", "cpu", ("value",), 100, 100),
    Value("load1", "Load average over one minute.", "cpu", ("load", 0)),
    Value("load5", "Load average over five minutes.", "cpu", ("load", 1)),
    Value("load15", "Load average over fifteen minutes.", "cpu", ("load", 2)),
    Value("memory_utilization_ratio", "Share of the memory that programs cannot have.", "mem", ("value",), 100, 100),
    Value("memory_size_bytes", "Memory there is.", "mem", ("total",)),
    Value("memory_available_bytes", "Memory that programs can have.", "mem", ("available",)),
    Value("swap_size_bytes", "Swap there is.", "mem", ("swap_total",)),
    Value("swap_used_bytes", "Swap in use.", "mem", ("swap_used",)),
    Value("disk_read_bytes_per_second", "What is read of all disks.", "disk", ("read",)),
    Value("disk_written_bytes_per_second", "What is written to all disks.", "disk", ("written",)),
    Value("network_bytes_per_second", "What all real interfaces receive and send.", "net", ("value",)),
    Value("network_receive_bytes_per_second", "What all real interfaces receive.", "net", ("received",)),
    Value("network_transmit_bytes_per_second", "What all real interfaces send.", "net", ("sent",)),
)
# of each mount: the name in a row of the sample, and what to divide it by
MOUNTS = {
    "filesystem_utilization_ratio": ("Share of a file system that is used.", "percent", 100, 100.0),
    "filesystem_size_bytes": ("Size of a file system.", "total", 1, math.inf),
    "filesystem_free_bytes": ("What is free in a file system.", "free", 1, math.inf),
}


def families(samples: Iterable[Sample], now: float, age_s_max: float) -> Iterator[Metric]:
    """Yield the metrics of nodes that have been heard of lately."""
    fresh = [(it, fields) for it in samples if (fields := _fields(it, now, age_s_max)) is not None]
    came = GaugeMetricFamily(
        "minimq_host_last_sample_timestamp_seconds", "When the broker got the last sample.", labels=["node", "metric"]
    )
    for sample, _ in fresh:
        came.add_metric([sample.node, sample.metric], sample.came)
    yield came
    for value in VALUES:
        yield _family(value, fresh)
    yield from _mounts(fresh)


def _fields(sample: Sample, now: float, age_s_max: float) -> Mapping[Any, Any] | None:
    """Return what a sample says, None where it is no sample or too old. A slow collector has its own idea of old."""
    if len(sample.body) > SAMPLE_BYTES_MAX:
        return None
    try:
        fields: Any = msgpack.unpackb(sample.body)
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None
    if not isinstance(fields, dict):
        return None
    interval = _number(fields.get("interval"), INTERVAL_S_MAX) or 0.0
    return fields if now - sample.came <= max(age_s_max, MISSED_MAX * interval) else None


def _family(value: Value, fresh: Iterable[tuple[Sample, Mapping[Any, Any]]]) -> Metric:
    family = GaugeMetricFamily(f"minimq_host_{value.name}", value.purpose, labels=["node"])
    for sample, fields in fresh:
        if sample.metric == value.metric and (number := _number(_at(fields, value.path), value.most)) is not None:
            family.add_metric([sample.node], number / value.divisor)
    return family


def _mounts(fresh: Iterable[tuple[Sample, Mapping[Any, Any]]]) -> Iterator[Metric]:
    """Yield what is told of each mount; a path that comes twice counts once, or nothing at all could be read."""
    rows = {
        (sample.node, row["mount"]): row
        for sample, fields in fresh
        if sample.metric == "disk"
        for row in (_root(fields), *_rows(fields.get("mounts")))
    }
    for name, (purpose, key, divisor, most) in MOUNTS.items():
        family = GaugeMetricFamily(f"minimq_host_{name}", purpose, labels=["node", "mountpoint"])
        for labels, row in rows.items():
            if (number := _number(row.get(key), most)) is not None:
                family.add_metric(labels, number / divisor)
        yield family


def _root(fields: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """Return the row that the number of a sample stands for: not each says more than that."""
    return {"mount": "/", "percent": fields.get("value")}


def _rows(mounts: Any) -> Iterator[Mapping[Any, Any]]:
    for row in mounts[:MOUNTS_MAX] if isinstance(mounts, list) else ():
        mount = row.get("mount") if isinstance(row, dict) else None
        if isinstance(mount, str) and len(mount) <= MOUNT_CHARACTERS_MAX:
            yield row


def _at(it: Any, path: tuple[str | int, ...]) -> Any:
    """Return what stands at a place, None when there is no such place."""
    for step in path:
        try:
            it = it[step]
        except (KeyError, IndexError, TypeError):
            return None
    return it


def _number(it: Any, most: float) -> float | None:
    return float(it) if type(it) in (int, float) and 0 <= it <= most and math.isfinite(it) else None
