"""/metrics of a real broker: each number says what has happened, and promtool has nothing against the page."""

from __future__ import annotations

import zmq
from broker_process import BrokerProcess
from conftest import SocketFactory, StartBroker
from metrics_kit import DETAIL, everything_told, families, of, promtool, rows, sample, scraped
from waiting import eventually

import mq
from mq.frame import encode


def test_a_broker_with_all_there_is_to_tell_is_clean_by_promtool(broker: BrokerProcess, socket: SocketFactory) -> None:
    with everything_told(broker, socket):
        page = scraped(broker)
    done = promtool("check", "metrics", given=page)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [family.name for family in families(page) if not family.samples] == []


def test_what_is_appended_and_synced_is_told_and_how_long_the_syncs_took(broker: BrokerProcess) -> None:
    with mq.Producer(broker.control, "written") as producer:
        producer.send_many("notes", [b"x"] * 10).result(20)
    assert of(rows(broker), "minimq_records_appended_total") == {(): 10}
    now = eventually(lambda: r if of(r := rows(broker), "minimq_records_synced_total") == {(): 10} else {})
    assert of(now, "minimq_bytes_synced_total") == of(now, "minimq_bytes_appended_total")
    count = of(now, "minimq_sync_duration_seconds_count")[()]
    assert count == of(now, "minimq_sync_duration_seconds_bucket", "le")["+Inf",] >= 1
    assert of(now, "minimq_sync_duration_seconds_sum")[()] > 0
    eventually(lambda: of(rows(broker), "minimq_topic_records_total", "topic") == {("notes",): 10})
    assert of(rows(broker), "minimq_topics") == {(): 1}
    last = rows(broker)
    assert of(last, "minimq_journal_bytes")[()] == of(last, "minimq_topic_bytes", "topic")["notes",] > 0


def test_a_sync_of_nothing_is_no_sync_that_was_fast(start_broker: StartBroker) -> None:
    broker = start_broker(MINIMQ_SYNC_INTERVAL_S="0.01")
    with mq.Producer(broker.control) as producer:
        producer.send("a", b"x").result(20)
    syncs = of(rows(broker), "minimq_syncs_total")[()]
    eventually(lambda: of(rows(broker), "minimq_syncs_total")[()] > syncs + 20)
    assert of(rows(broker), "minimq_sync_duration_seconds_count")[()] < syncs + 10


def live_connections(broker: BrokerProcess, event: str) -> float:
    """Return how many connections of live this has happened to."""
    return of(rows(broker), "minimq_connections_total", "port", "event").get(("live", event), 0)


def test_subscribers_come_and_go_whatever_they_speak(broker: BrokerProcess, socket: SocketFactory) -> None:
    for _ in range(3):
        socket(zmq.SUB).connect(broker.live)
    for _ in range(2):
        socket(zmq.PUSH).connect(broker.live)  # refused in the handshake, and may try again
    eventually(lambda: live_connections(broker, "disconnected") >= 2)
    eventually(lambda: of(rows(broker), "minimq_subscribers")[()] == 3)
    with mq.Subscriber(broker.control, "#") as subscriber:
        eventually(lambda: subscriber.receive(0.05) or of(rows(broker), "minimq_subscribers")[()] == 4)
    eventually(lambda: of(rows(broker), "minimq_subscribers")[()] == 3)


def test_records_that_never_came_are_told_and_those_that_came_late_too(
    broker: BrokerProcess, socket: SocketFactory
) -> None:
    push = socket(zmq.PUSH)
    push.connect(broker.ingest)
    for sequence in (0, 1, 6, 3, 6):
        push.send(encode("a", [b"x"], produced=1, producer=7, sequence=sequence))
    now = eventually(lambda: r if of(r := rows(broker), "minimq_records_duplicate_total") == {(): 1} else {})
    assert of(now, "minimq_records_missed_total") == {(): 4}
    assert of(now, "minimq_records_late_total") == {(): 1}


def test_hosts_beyond_the_bound_are_counted(start_broker: StartBroker) -> None:
    broker = start_broker(MINIMQ_METRICS_NODES_MAX="1")
    with mq.Producer(broker.control) as producer:
        for node in ("n1", "n2"):
            for metric in DETAIL:
                producer.send(f"host/{node}/{metric}", sample(node, metric)).result(20)
    now = rows(broker)
    assert of(now, "minimq_host_cpu_utilization_ratio", "node") == {("n1",): 0.25}
    assert of(now, "minimq_host_samples_left_out_total") == {(): 4}


def test_a_host_that_is_silent_vanishes_and_leaves_its_room_to_another(start_broker: StartBroker) -> None:
    broker = start_broker(MINIMQ_METRICS_NODES_MAX="1", MINIMQ_METRICS_NODE_AGE_S="1")
    with mq.Producer(broker.control) as producer:

        def speaks(node: str) -> bool:
            for metric in DETAIL:
                producer.send(f"host/{node}/{metric}", sample(node, metric, interval=0.1)).result(20)
            return of(rows(broker), "minimq_host_cpu_utilization_ratio", "node") == {(node,): 0.25}

        eventually(lambda: speaks("n1"))
        eventually(lambda: of(rows(broker), "minimq_host_cpu_utilization_ratio", "node") == {})
        eventually(lambda: speaks("n2"))


def test_topics_beyond_the_bound_are_counted(start_broker: StartBroker) -> None:
    broker = start_broker(MINIMQ_METRICS_TOPICS_MAX="2")
    with mq.Producer(broker.control) as producer:
        for name in ("c", "a", "b"):
            producer.send(name, b"x").result(20)
    now = rows(broker)
    assert of(now, "minimq_topic_records_total", "topic") == {("a",): 1, ("b",): 1}
    assert of(now, "minimq_topics") == {(): 3}
    assert of(now, "minimq_topics_left_out") == {(): 1}


def test_the_newer_form_is_there_for_who_asks_for_it(broker: BrokerProcess) -> None:
    page = scraped(broker, "application/openmetrics-text; version=1.0.0")
    assert page.endswith("# EOF\n")
    assert "# TYPE minimq_frames_received counter\n" in page
