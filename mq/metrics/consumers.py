"""How far behind consumers are. Their number is bounded by ``consumers_max``, so each is there by its name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client.core import GaugeMetricFamily, Metric

from mq.metrics.facts import Standing, Topic


def families(consumers: Sequence[Standing], topics: Sequence[Topic]) -> Iterator[Metric]:
    """Yield the metrics."""
    ends = {it.topic: (it.first, it.next) for it in topics} if consumers else {}
    lag = GaugeMetricFamily(
        "minimq_consumer_lag_records", "Records that are kept and not consumed yet, of all topics.", labels=["consumer"]
    )
    members = GaugeMetricFamily(
        "minimq_consumer_members", "Programs that take part in a consumer.", labels=["consumer"]
    )
    unsettled = GaugeMetricFamily(
        "minimq_consumer_unsettled_records", "Records that are given out and not settled.", labels=["consumer"]
    )
    for it in consumers:
        lag.add_metric([it.consumer], sum(_lag(position, *ends.get(topic, (0, 0))) for topic, position in it.positions))
        members.add_metric([it.consumer], it.members)
        unsettled.add_metric([it.consumer], it.unsettled)
    yield GaugeMetricFamily("minimq_consumers", "Consumers by name.", len(consumers))
    yield from (lag, members, unsettled)


def _lag(position: int, first: int, following: int) -> int:
    return max(0, following - max(position, first))
