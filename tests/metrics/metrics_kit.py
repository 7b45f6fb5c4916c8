"""What the tests of metrics share: facts, samples, and what is found in a page."""

from __future__ import annotations

import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgpack
import zmq
from broker_process import BrokerProcess
from conftest import SocketFactory
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from waiting import eventually

import mq
from mq.metrics.collector import MqCollector
from mq.metrics.facts import Facts, Sample

NOW = 1_700_000_000.0
SECOND_NS = 1_000_000_000

Labels = frozenset[tuple[str, str]]
Found = dict[tuple[str, Labels], float]

DETAIL: dict[str, dict[str, Any]] = {
    "cpu": {"value": 25.0, "unit": "%", "per_core": [20.0, 30.0], "load": [0.5, 0.25, 0.125]},
    "mem": {
        "value": 50.0,
        "unit": "%",
        "total": 4096,
        "used": 2048,
        "available": 2048,
        "cached": 512,
        "swap_total": 1024,
        "swap_used": 256,
    },
    "disk": {
        "value": 40.0,
        "unit": "%",
        "read": 100.0,
        "written": 200.0,
        "mounts": [
            {
                "mount": "/",
                "device": "/dev/sda1",
                "fs": "ext4",
                "total": 1000,
                "used": 400,
                "free": 600,
                "percent": 40.0,
            },
            {"mount": "/srv", "device": "/dev/sdb1", "fs": "xfs", "total": 10, "used": 9, "free": 1, "percent": 90.0},
        ],
    },
    "net": {"value": 30.0, "unit": "B/s", "received": 10.0, "sent": 20.0, "interfaces": []},
}


def sample(node: str, metric: str, **changed: Any) -> bytes:
    """Return the body of a sample, as a collector makes it but for what is changed."""
    head = {"time": time.time_ns(), "node": node, "metric": metric, "interval": 1, "collector": f"{node}/1"}
    body: bytes = msgpack.packb({**head, **DETAIL[metric], **changed})
    return body


def came(node: str, metric: str, body: bytes | None = None, at: float = NOW, **changed: Any) -> Sample:
    """Return a sample as the broker has it."""
    return Sample(node, metric, at, sample(node, metric, **changed) if body is None else body)


def page(facts: Facts, topics_max: int = 1_000, node_age_s: float = 60.0) -> str:
    """Return what a scrape is answered."""
    registry = CollectorRegistry()
    registry.register(MqCollector(lambda: facts, topics_max, node_age_s))
    return generate_latest(registry).decode()


def facts(stats: Mapping[str, Any] | None = None, **more: Any) -> Facts:
    """Return facts with what is given, and nothing else."""
    return Facts(version="1.2.3", now=NOW, stats=stats or {}, **more)


def families(text: str) -> list[Metric]:
    """Return a page as the field's own parser reads it."""
    return list(text_string_to_metric_families(text))


def found(text: str) -> Found:
    """Return each number by name and labels; one that comes twice is an error."""
    rows: Found = {}
    for each in _samples(families(text)):
        key = each.name, frozenset(each.labels.items())
        assert key not in rows, f"{key} comes twice"
        rows[key] = each.value
    return rows


def of(rows: Found, name: str, *ordered: str) -> dict[tuple[str, ...], float]:
    """Return the numbers of one metric, by the values of these labels."""
    chosen = {labels: number for (each, labels), number in rows.items() if each == name}
    return {tuple(dict(labels)[label] for label in ordered): number for labels, number in chosen.items()}


def scraped(broker: BrokerProcess, accept: str = "text/plain") -> str:
    """Return a broker's page, in the form that is asked for."""
    request = urllib.request.Request(f"{broker.ops}/metrics", headers={"Accept": accept})  # noqa: S310 - our own
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - a broker's own address
        whole: bytes = answer.read()
    return whole.decode()


def rows(broker: BrokerProcess) -> Found:
    """Return what a broker tells, by name and labels."""
    return found(scraped(broker))


@contextmanager
def everything_told(broker: BrokerProcess, socket: SocketFactory) -> Iterator[None]:
    """See to it that there is something to tell in each metric, for as long as the block lasts."""
    push = socket(zmq.PUSH)
    push.connect(broker.ingest)
    push.send(b"rubbish")
    with mq.Producer(broker.control) as producer:
        for metric in DETAIL:
            producer.send(f"host/n1/{metric}", sample("n1", metric))
        producer.flush(20)
        with mq.Subscriber(broker.control, "host/n1/cpu", start=0, consumer="reports") as subscriber:
            assert subscriber.receive(20) is not None
            subscriber.commit()
            producer.send_many("host/n1/cpu", [sample("n1", "cpu")] * 3).result(20)
            eventually(lambda: of(rows(broker), "minimq_consumer_lag_records", "consumer") == {("reports",): 3})
            eventually(lambda: of(rows(broker), "minimq_frames_refused_total", "port", "kind"))
            yield


def promtool(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run Prometheus's own tool."""
    program = shutil.which("promtool")
    assert program, "promtool is missing: scripts/debian.sh installs it"
    return subprocess.run([program, *arguments], input=given, capture_output=True, text=True, check=False, timeout=60)


def _samples(metrics: Iterable[Metric]) -> Iterable[Any]:
    return (each for metric in metrics for each in metric.samples)
