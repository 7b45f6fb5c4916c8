"""A real Prometheus scrapes a real broker, with the configuration of the documentation, and answers the dashboard."""

from __future__ import annotations

import re
from pathlib import Path

from broker_process import BrokerProcess
from conftest import SocketFactory
from metrics_kit import everything_told
from prometheus_process import Prometheus, prometheus
from promised import ALERTS, SCRAPING, expressions
from waiting import eventually

import mq


def configured(directory: Path, broker: BrokerProcess) -> Path:
    """Return the documentation's configuration, for this broker and in a hurry."""
    text = SCRAPING.read_text("utf-8")
    port = broker.ops.rpartition(":")[2]
    for said, instead in (("15s", "1s"), ("5558", port), ("alerts.yml", str(ALERTS))):
        assert said in text
        text = text.replace(said, instead)
    path = directory / "prometheus.yml"
    path.write_text(text)
    return path


def is_scraped(server: Prometheus) -> bool:
    return server.is_ready() and server.number('up{job="minimq"}') == 1


def test_it_takes_every_line_and_says_what_the_broker_said(
    tmp_path: Path, broker: BrokerProcess, socket: SocketFactory
) -> None:
    with everything_told(broker, socket), prometheus(tmp_path, configured(tmp_path, broker)) as server:
        eventually(lambda: is_scraped(server), 60)
        assert [each["lastError"] for each in server.targets()] == [""]
        assert server.number("minimq_records_appended_total") == 7
        assert server.number("minimq_host_cpu_utilization_ratio") == 0.25
        assert server.number('minimq_consumer_lag_records{consumer="reports"}') == 3
        assert server.number('count(minimq_host_filesystem_utilization_ratio{node="n1"})') == 2
        with mq.Producer(broker.control) as producer:
            producer.send("notes", b"x").result(20)
        eventually(lambda: server.number("minimq_records_appended_total") == 8)
        eventually(lambda: [asked for asked in expressions() if not server.query(asked)] == [])
        assert [each["lastError"] for each in server.targets()] == [""]
        said = (tmp_path / "prometheus.log").read_text()
        assert not re.search(r"level=(warn|error)", said), said


def test_a_broker_that_goes_and_comes_back_is_told_so(tmp_path: Path, broker: BrokerProcess) -> None:
    with prometheus(tmp_path, configured(tmp_path, broker)) as server:
        eventually(lambda: is_scraped(server), 60)
        broker.kill()
        eventually(lambda: server.number('up{job="minimq"}') == 0)
        assert server.query("minimq_build_info") == []
        broker.restart()
        eventually(lambda: server.number('up{job="minimq"}') == 1)
        assert server.number("minimq_journal_failed") == 0
