"""All metrics, for a registry of prometheus_client: gathered and made when somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from mq.metrics import broker, consumers, hosts, topics
from mq.metrics.facts import Facts


class MqCollector(Collector):
    """Asks `gather` for the facts at each scrape. The bounds are those of the settings that are called so."""

    def __init__(self, gather: Callable[[], Facts], metrics_topics_max: int, metrics_node_age_s: float) -> None:
        self._gather = gather
        self._topics_max = metrics_topics_max
        self._node_age_s = metrics_node_age_s

    def describe(self) -> list[Metric]:
        """Return nothing: to be registered is no reason to gather."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield each metric."""
        facts = self._gather()
        build = GaugeMetricFamily("minimq_build_info", "1, and which version it is.", labels=["version"])
        build.add_metric([facts.version], 1)
        yield build
        yield from broker.families(facts.stats)
        yield from topics.families(facts.topics, self._topics_max)
        yield from consumers.families(facts.consumers, facts.topics)
        yield from hosts.families(facts.samples, facts.now, self._node_age_s)
