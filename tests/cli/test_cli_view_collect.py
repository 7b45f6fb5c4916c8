"""``minimq view`` and ``minimq collect``: what is theirs beside what the viewer and the collectors do."""

from __future__ import annotations

import signal
from pathlib import Path

import msgpack
import pytest
from broker_process import BrokerProcess
from cli_kit import minimq, nobody, running, stored, taken_port
from waiting import eventually

from mq.cli.view import page_environ


def test_a_taken_port_of_the_page_is_one_line_with_the_port_and_the_option() -> None:
    with taken_port() as port:
        ran = minimq("view", "--port", str(port))
    assert (ran.code, ran.out) == (1, "")
    assert ran.complaint.startswith(f"minimq: 127.0.0.1:{port} is taken by another program")
    assert "--port" in ran.complaint


@pytest.mark.parametrize(
    ("options", "why"), [(["--address", "192.0.2.1"], "--port 192.0.2.1:8080"), (["--broker", "h"], "use tcp://HOST")]
)
def test_an_address_that_cannot_be_used_is_named(options: list[str], why: str) -> None:
    ran = minimq("view", *options)
    assert (ran.code, ran.out) == (1, "")
    assert why in ran.complaint


def test_the_page_admits_the_names_by_which_browsers_come() -> None:
    assert page_environ("::1", 8080, ["metrics.example"]) == {
        "BOKEH_ALLOW_WS_ORIGIN": "localhost:8080,127.0.0.1:8080,[::1]:8080,metrics.example:8080,metrics.example:80"
    }


def test_it_collects_until_an_interrupt(broker: BrokerProcess, tmp_path: Path) -> None:
    options = ["cpu", "--node", "n1", "--interval", "0.1"]
    with running(tmp_path, "collect", *options, "--broker", broker.control) as run:
        eventually(lambda: len(stored(broker, "host/n1/cpu")) >= 3)
        assert run.end(signal.SIGINT) == 0
    samples = [msgpack.unpackb(record.body) for record in stored(broker, "host/n1/cpu")]
    assert {(sample["node"], sample["metric"], sample["unit"]) for sample in samples} == {("n1", "cpu", "%")}


@pytest.mark.parametrize("variable", ["BROKER_URL", "MINIMQ_BROKER"])
def test_it_takes_the_broker_from_the_environment_as_a_collector_does(variable: str) -> None:
    ran = minimq("collect", environ={variable: "tcp://h"})
    assert (ran.code, ran.out) == (1, "")
    assert ran.complaint.startswith(f"minimq: broker in {variable}: 'tcp://h' is not a broker's endpoint")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["gpu"], "no 'gpu' here, only cpu"),
        (["--node", "a/b"], "'a/b' holds a '/'"),
        (["--interval", "soon"], "'soon' is not a number"),
        (["--interval", "0"], "0 s is not within 0.1 to 86400"),
    ],
)
def test_what_cannot_be_collected_is_named(arguments: list[str], why: str) -> None:
    with nobody() as endpoint:
        ran = minimq("collect", *arguments, broker=endpoint)
    assert (ran.code, ran.out) == (1, "")
    assert why in ran.complaint
