"""The payload contract: what is documented is what there is."""

from __future__ import annotations

import os

import msgpack
import psutil
import pytest
from contract import documented

from collectors.readers import METRICS
from collectors.sample import Reading, Row, encode, this_collector, topic_of
from mq.errors import BadTopic

NOW = 1_764_000_000_000_000_001


def sample(reading: Reading, metric: str = "cpu") -> dict[str, object]:
    packed = encode(reading, time=NOW, node="n1", metric=metric, interval_s=5.0, scope="host", collector="web-1/17")
    found = msgpack.unpackb(packed)
    assert isinstance(found, dict)
    return found


def test_a_sample_is_one_msgpack_map() -> None:
    assert sample(Reading(37.5, "%", {"per_core": [25.0, 50.0]})) == {
        "time": NOW,
        "node": "n1",
        "metric": "cpu",
        "value": 37.5,
        "unit": "%",
        "interval": 5.0,
        "scope": "host",
        "collector": "web-1/17",
        "per_core": [25.0, 50.0],
    }


@pytest.mark.parametrize("metric", METRICS)
def test_every_field_is_documented_and_every_documented_field_is_there(metric: str) -> None:
    found = set(sample(METRICS[metric].make(psutil)(), metric))
    assert found | {"read", "written"} == documented(metric) | {"read", "written"}  # absent where no disk is counted


def test_a_path_that_is_no_text_is_told_as_far_as_it_can_be() -> None:
    row: Row = {"mount": os.fsdecode(b"/mnt/\xff")}
    assert sample(Reading(1.0, "%", {"mounts": [row]}))["mounts"] == [{"mount": "/mnt/\\udcff"}]


def test_a_collector_is_named_by_its_host_and_process() -> None:
    assert this_collector() == f"{os.uname().nodename}/{os.getpid()}"


def test_a_sample_goes_to_the_topic_of_its_node_and_metric() -> None:
    assert topic_of("n1", "cpu") == "host/n1/cpu"
    for node in ("", ".n1", "a b", "x" * 200):
        with pytest.raises(BadTopic):
            topic_of(node, "cpu")
