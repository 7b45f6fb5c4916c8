"""/metrics of a gateway: the broker's own, for who reaches the gateway alone."""

from __future__ import annotations

from broker_process import BrokerProcess
from conftest import SocketFactory, StartGateway
from metrics_kit import Found, everything_told, found, of, promtool, rows
from waiting import eventually


def test_it_says_what_the_broker_says_of_topics_consumers_and_hosts(
    broker: BrokerProcess, start_gateway: StartGateway, socket: SocketFactory
) -> None:
    gateway = start_gateway()
    with everything_told(broker, socket):

        def told_of_the_host() -> Found | None:
            told = found(gateway.get("/metrics").body.decode())
            return told if of(told, "minimq_host_cpu_utilization_ratio", "node") == {("n1",): 0.25} else None

        told = eventually(told_of_the_host)
        assert told is not None
        assert {name for name, _ in told} >= {name for name, _ in rows(broker) if not name.startswith("process_")}
        assert of(told, "minimq_consumer_lag_records", "consumer") == {("reports",): 3}
        checked = promtool("check", "metrics", given=gateway.get("/metrics").body.decode())
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def test_it_is_openmetrics_for_whoever_asks_for_that(start_gateway: StartGateway) -> None:
    there = start_gateway().ask("GET", "/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert there.headers["content-type"].startswith("application/openmetrics-text")
    assert there.body.endswith(b"# EOF\n")


def test_while_the_broker_is_away_it_says_when_to_ask_again(broker: BrokerProcess, start_gateway: StartGateway) -> None:
    gateway = start_gateway()
    broker.kill()
    assert eventually(lambda: gateway.get("/metrics").headers["retry-after"])
    assert gateway.get("/metrics").status == 503
    broker.restart()
    assert eventually(lambda: gateway.get("/metrics").status == 200)
