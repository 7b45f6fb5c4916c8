"""The journal as a whole, and some of its topics by name: of more than the bound, the first by their names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import nsmallest
from operator import attrgetter

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from mq.metrics.facts import Topic

SECOND_NS = 1_000_000_000


def families(topics: Sequence[Topic], topics_max: int) -> Iterator[Metric]:
    """Yield the metrics, with `topics_max` topics at most as labels."""
    shown = nsmallest(topics_max, topics, key=attrgetter("topic"))
    yield GaugeMetricFamily("minimq_topics", "Topics in the journal.", len(topics))
    left_out = "Topics that have no metrics of their own, for being more than metrics_topics_max."
    yield GaugeMetricFamily("minimq_topics_left_out", left_out, len(topics) - len(shown))
    held = sum(topic.bytes for topic in topics)
    yield GaugeMetricFamily("minimq_journal_bytes", "Bytes in the logs of all topics.", held)
    yield from _by_topic(shown)


def _by_topic(topics: Sequence[Topic]) -> Iterator[Metric]:
    records = CounterMetricFamily(
        "minimq_topic_records", "Records that were ever appended to a topic.", labels=["topic"]
    )
    held = GaugeMetricFamily("minimq_topic_bytes", "Bytes in the log of a topic.", labels=["topic"])
    appended = GaugeMetricFamily(
        "minimq_topic_last_append_timestamp_seconds", "When the last record of a topic was appended.", labels=["topic"]
    )
    for topic in topics:
        records.add_metric([topic.topic], topic.next)
        held.add_metric([topic.topic], topic.bytes)
        if topic.appended:
            appended.add_metric([topic.topic], topic.appended / SECOND_NS)
    yield from (records, held, appended)
