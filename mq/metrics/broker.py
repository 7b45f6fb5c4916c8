"""What the broker counts, out of the map that it answers to ``stats``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

COUNTERS = {
    "frames_received": "Frames that came in on ingest and control.",
    "records_appended": "Records that were appended to the journal.",
    "bytes_appended": "Bytes that were appended to the journal.",
    "records_synced": "Records that are known to be on the disk.",
    "bytes_synced": "Bytes that are known to be on the disk.",
    "records_missed": "Records that had not come when a later one of their producer did.",
    "records_late": "Records that were missed, and came after all.",
    "records_duplicate": "Records that came again, or so late that it cannot be told.",
    "frames_forwarded": "Frames that were sent out to subscribers.",
    "bytes_forwarded": "Bytes of those frames.",
    "frames_unstored": "Frames that the journal could not take, sent out live only.",
    "frames_repeated": "Frames that were sent again and are stored already.",
    "syncs": "Times that all there was to sync was synced.",
    "requests": "Requests on control.",
    "requests_refused": "Requests on control that were not taken.",
    "replies_dropped": "Answers that nobody took.",
    "live_overflows": "Turns in which a subscriber was too slow and missed frames.",
    "host_samples_left_out": "Samples of hosts that are not in these metrics, for being more than metrics_nodes_max.",
}
GAUGES = {
    "journal_failed": "1 when the journal takes nothing more until the broker is started again.",
    "pending_bytes": "Bytes of acknowledged frames that wait for the journal; at most pending_bytes_max.",
    "disk_free_bytes": "Bytes that are free on the journal's disk.",
    "disk_low": "1 while less than disk_free_bytes_min is free on the journal's disk.",
    "producers": "Producers by topic that are kept account of, one each.",
    "producer_spooled_records": "Records that producers say wait on their own disks.",
    "producer_dropped_records": "Records that producers say they have given up.",
    "subscribers_reporting": "Subscribers that tell how far they are.",
    "subscriber_lag_max_records": "How far the subscriber that is furthest behind is, as it says.",
    "outbox_bytes": "Bytes of answers that wait for room on their connections.",
}


def families(stats: Mapping[str, Any]) -> Iterator[Metric]:
    """Yield the metrics. A counter that a broker has, and this does not know, is there too."""
    for name, number in stats.items():
        if type(number) is int:
            yield _one(CounterMetricFamily, name, COUNTERS.get(name, f"{_words(name)}."), number)
    for name, number in stats.get("gauges", {}).items():
        yield _one(GaugeMetricFamily, name, GAUGES.get(name, f"{_words(name)}."), number)
    yield _queues(stats.get("queues", {}))
    yield _by_port("minimq_frames_refused", "Frames that were not taken, by kind.", "kind", stats.get("refused", {}))
    yield _busy(stats.get("busy", {}))
    connections = stats.get("connections", {})
    yield _by_port("minimq_connections", "Connections, by what happened to them.", "event", connections)
    yield from _open(connections)
    if "sync_seconds" in stats:
        yield _sync_duration(**stats["sync_seconds"])


def _one(
    kind: type[CounterMetricFamily] | type[GaugeMetricFamily], name: str, purpose: str, number: float
) -> CounterMetricFamily | GaugeMetricFamily:
    family = kind(f"minimq_{name}", purpose)
    family.add_metric([], number)
    return family


def _queues(queues: Mapping[str, int]) -> Metric:
    family = GaugeMetricFamily("minimq_queue_length", "How many wait in a queue of the broker.", labels=["queue"])
    for queue, number in queues.items():
        family.add_metric([queue], number)
    return family


def _busy(counted: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily("minimq_busy", "Answers that something is busy, by what was short.", labels=["reason"])
    for reason, number in counted.items():
        family.add_metric([reason], number)
    return family


def _by_port(name: str, purpose: str, label: str, counted: Mapping[str, Mapping[str, int]]) -> Metric:
    family = CounterMetricFamily(name, purpose, labels=["port", label])
    for port, kinds in counted.items():
        for kind, number in kinds.items():
            family.add_metric([port, kind], number)
    return family


def _open(connections: Mapping[str, Mapping[str, int]]) -> Iterator[Metric]:
    """Yield how many connections there are. Each that was accepted is told to have ended, whatever ended it."""
    ports = {port: kinds.get("accepted", 0) - kinds.get("disconnected", 0) for port, kinds in connections.items()}
    family = GaugeMetricFamily("minimq_connections_open", "Connections that there are.", labels=["port"])
    for port, number in ports.items():
        family.add_metric([port], number)
    yield family
    yield _one(GaugeMetricFamily, "subscribers", "Connections to live that there are.", ports.get("live", 0))


def _sync_duration(bounds: list[float], counts: list[int], **others: float) -> Metric:
    family = HistogramMetricFamily("minimq_sync_duration_seconds", "How long the disk took for a sync.")
    limits = [*map(str, bounds), "+Inf"]
    family.add_metric([], list(zip(limits, accumulate(counts), strict=True)), others["sum"])
    return family


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()
