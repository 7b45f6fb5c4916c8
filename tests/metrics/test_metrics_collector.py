"""What facts become in Prometheus's words: names, labels, numbers; and that no fact breaks the page."""

from __future__ import annotations

from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st
from metrics_kit import NOW, came, facts, found, of, page, sample

from mq.histogram import Histogram
from mq.metrics.facts import Sample, Standing, Topic
from mq.metrics.hosts import METRICS, MOUNTS_MAX

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=9) | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=20,
)
KEYS = ["value", "load", "total", "mounts", "read", "received", "interval", "mount", "percent"]
NEARLY = st.dictionaries(st.sampled_from(KEYS), ANYTHING | st.lists(st.dictionaries(st.sampled_from(KEYS), ANYTHING)))


def topic(name: str, first: int = 0, following: int = 10, size: int = 100) -> Topic:
    return Topic(name, first, following, size, 1, 5_000_000_000)


def test_each_number_of_stats_is_a_counter_and_each_gauge_a_gauge() -> None:
    stats = {"frames_received": 3, "something_new": 4, "gauges": {"pending_bytes": 5}, "queues": {"turns": 6}}
    text = page(facts(stats))
    rows = found(text)
    assert "# TYPE minimq_something_new_total counter" in text
    assert "# TYPE minimq_pending_bytes gauge" in text
    assert of(rows, "minimq_frames_received_total") == {(): 3}
    assert of(rows, "minimq_something_new_total") == {(): 4}
    assert of(rows, "minimq_pending_bytes") == {(): 5}
    assert of(rows, "minimq_queue_length", "queue") == {("turns",): 6}
    assert of(rows, "minimq_build_info", "version") == {("1.2.3",): 1}


def test_drops_and_connections_are_there_by_port_and_what_is_open_is_told() -> None:
    connections = {"live": {"accepted": 5, "disconnected": 2, "handshake_failed": 1}, "ingest": {"accepted": 1}}
    rows = found(page(facts({"refused": {"ingest": {"bad_topic": 7}}, "connections": connections})))
    assert of(rows, "minimq_frames_refused_total", "port", "kind") == {("ingest", "bad_topic"): 7}
    assert of(rows, "minimq_connections_total", "port", "event")["live", "handshake_failed"] == 1
    assert of(rows, "minimq_connections_open", "port") == {("live",): 3, ("ingest",): 1}
    assert of(rows, "minimq_subscribers") == {(): 3}


def test_a_histogram_is_cumulative_and_a_value_on_a_bound_is_within_it() -> None:
    histogram = Histogram((0.1, 1.0))
    for seconds in (0.05, 0.1, 0.5, 1.5, 2.5):
        histogram.note(seconds)
    rows = found(page(facts({"sync_seconds": histogram.as_map()})))
    buckets = of(rows, "minimq_sync_duration_seconds_bucket", "le")
    assert buckets == {("0.1",): 2, ("1.0",): 3, ("+Inf",): 5}
    assert of(rows, "minimq_sync_duration_seconds_count") == {(): 5}
    assert of(rows, "minimq_sync_duration_seconds_sum")[()] == pytest.approx(4.65)


@given(st.lists(st.floats(0, 100)))
def test_a_histogram_counts_each_value_once(values: list[float]) -> None:
    histogram = Histogram()
    for value in values:
        histogram.note(value)
    told: dict[str, Any] = histogram.as_map()
    assert sum(told["counts"]) == len(values)
    for number, bound in enumerate(told["bounds"], 1):
        assert sum(told["counts"][:number]) == sum(value <= bound for value in values)


def test_topics_beyond_the_bound_are_in_the_sums_and_counted_as_left_out() -> None:
    topics = [topic(f"t{number}") for number in (5, 3, 1, 4, 2)]
    rows = found(page(facts(topics=topics), topics_max=3))
    assert of(rows, "minimq_topic_records_total", "topic") == {("t1",): 10, ("t2",): 10, ("t3",): 10}
    assert of(rows, "minimq_topic_bytes", "topic") == {("t1",): 100, ("t2",): 100, ("t3",): 100}
    assert of(rows, "minimq_topic_last_append_timestamp_seconds", "topic")["t1",] == 5
    assert of(rows, "minimq_topics") == {(): 5}
    assert of(rows, "minimq_topics_left_out") == {(): 2}
    assert of(rows, "minimq_journal_bytes") == {(): 500}


def test_lag_counts_what_is_kept_from_the_position_on() -> None:
    topics = [topic("a", 0, 10), topic("b", 6, 10), topic("c", 0, 3)]
    positions = [("a", 4), ("b", 2), ("c", 9), ("deleted", 7)]
    rows = found(page(facts(topics=topics, consumers=[Standing("reports", 2, 3, positions)])))
    assert of(rows, "minimq_consumer_lag_records", "consumer") == {("reports",): 6 + 4}
    assert of(rows, "minimq_consumer_members", "consumer") == {("reports",): 2}
    assert of(rows, "minimq_consumer_unsettled_records", "consumer") == {("reports",): 3}
    assert of(rows, "minimq_consumers") == {(): 1}


HOST = {
    "cpu_utilization_ratio": 0.25,
    "load1": 0.5,
    "load5": 0.25,
    "load15": 0.125,
    "memory_utilization_ratio": 0.5,
    "memory_size_bytes": 4096,
    "memory_available_bytes": 2048,
    "swap_size_bytes": 1024,
    "swap_used_bytes": 256,
    "disk_read_bytes_per_second": 100,
    "disk_written_bytes_per_second": 200,
    "network_bytes_per_second": 30,
    "network_receive_bytes_per_second": 10,
    "network_transmit_bytes_per_second": 20,
}


def test_what_collectors_send_is_there_by_node_in_base_units() -> None:
    rows = found(page(facts(samples=[came(node, metric) for node in ("n1", "n2") for metric in METRICS])))
    for name, number in HOST.items():
        assert of(rows, f"minimq_host_{name}", "node") == {("n1",): number, ("n2",): number}, name
    ratios = of(rows, "minimq_host_filesystem_utilization_ratio", "node", "mountpoint")
    assert ratios == {(node, mount): share for node in ("n1", "n2") for mount, share in (("/", 0.4), ("/srv", 0.9))}
    assert of(rows, "minimq_host_filesystem_size_bytes", "node", "mountpoint")["n1", "/srv"] == 10
    assert of(rows, "minimq_host_filesystem_free_bytes", "node", "mountpoint")["n1", "/"] == 600
    assert of(rows, "minimq_host_last_sample_timestamp_seconds", "node", "metric")["n1", "cpu"] == NOW


def test_a_sample_that_is_a_number_alone_is_told_as_far_as_it_goes() -> None:
    samples = [came("old", metric, msgpack.packb({"value": 50})) for metric in METRICS]
    rows = found(page(facts(samples=samples)))
    assert of(rows, "minimq_host_cpu_utilization_ratio", "node") == {("old",): 0.5}
    assert of(rows, "minimq_host_filesystem_utilization_ratio", "node", "mountpoint") == {("old", "/"): 0.5}
    assert of(rows, "minimq_host_network_bytes_per_second", "node") == {("old",): 50}
    assert of(rows, "minimq_host_network_receive_bytes_per_second", "node") == {}


@pytest.mark.parametrize(("age", "interval", "there"), [(59, 1, True), (61, 1, False), (61, 30, True), (91, 30, False)])
def test_a_node_that_says_nothing_any_more_vanishes(age: float, interval: float, there: bool) -> None:
    rows = found(page(facts(samples=[came("n1", "cpu", at=NOW - age, interval=interval)])))
    assert bool(of(rows, "minimq_host_cpu_utilization_ratio", "node")) is there
    assert bool(of(rows, "minimq_host_last_sample_timestamp_seconds", "node", "metric")) is there


@pytest.mark.parametrize("value", [-1, 101, float("nan"), float("inf"), "50", None, True, [50], 2**64 - 1])
def test_an_impossible_share_is_left_out(value: object) -> None:
    rows = found(page(facts(samples=[came("n1", "cpu", value=value)])))
    assert of(rows, "minimq_host_cpu_utilization_ratio", "node") == {}
    assert of(rows, "minimq_host_load1", "node") == {("n1",): 0.5}


def test_mounts_are_bounded_and_one_that_comes_twice_counts_once() -> None:
    mounts = [{"mount": f"/m{number % 100}", "percent": 1.0} for number in range(200)]
    rows = found(page(facts(samples=[came("n1", "disk", mounts=[*mounts[:1], *mounts])])))
    ratios = of(rows, "minimq_host_filesystem_utilization_ratio", "mountpoint")
    assert len(ratios) == MOUNTS_MAX  # "/" itself, and one came twice


def test_a_path_with_everything_in_it_stays_one_label() -> None:
    mount = '/a "b"\\c\nminimq_topics 5\n{}é'
    rows = found(page(facts(samples=[came("n1", "disk", mounts=[{"mount": mount, "percent": 10}])])))
    assert of(rows, "minimq_host_filesystem_utilization_ratio", "mountpoint")[mount,] == 0.1
    assert of(rows, "minimq_topics") == {(): 0}


@given(st.sampled_from(METRICS), st.binary() | ANYTHING.map(msgpack.packb) | NEARLY.map(msgpack.packb))
def test_no_body_breaks_the_page(metric: str, body: bytes) -> None:
    rows = found(page(facts(samples=[came("good", "cpu"), Sample("odd", metric, NOW, body)])))
    assert of(rows, "minimq_host_cpu_utilization_ratio", "node")["good",] == 0.25


@pytest.mark.parametrize("body", [b"\x91" * 30_000, b"\xdf\xff\xff\xff\xff", b"\xc1", b"", b"\xa1\xff"])
def test_a_body_that_is_made_to_hurt_says_nothing(body: bytes) -> None:
    assert of(found(page(facts(samples=[came("n1", "cpu", body)]))), "minimq_host_load1", "node") == {}


def test_a_sample_beyond_the_bound_says_nothing() -> None:
    large = sample("n1", "cpu", padding="x" * (32 << 10))
    assert of(found(page(facts(samples=[came("n1", "cpu", large)]))), "minimq_host_load1", "node") == {}
