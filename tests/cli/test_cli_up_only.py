"""``minimq up --only``: a part of it, here or for a broker that is elsewhere."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from broker_process import BrokerProcess
from cli_kit import minimq, nobody, taken_port
from up_kit import END_S_MAX, newest, up
from waiting import eventually

from mq.cli.parts import parse_only, ports_of

PORTS = {"--ingest": 1, "--live": 2, "--control": 3, "--ops": 4, "--port": 5, "--gateway": 6}


@pytest.mark.parametrize(
    ("names", "parts", "ports"),
    [
        ("broker", ("broker",), [1, 2, 3, 4]),
        ("gateway", ("gateway",), [6]),
        ("viewer,broker", ("broker", "viewer"), [1, 2, 3, 4, 5]),
        ("collectors, viewer", ("collector", "viewer"), [5]),
        ("collector,collectors", ("collector",), []),
    ],
)
def test_parts_are_started_in_one_order_and_listen_on_their_own_ports(
    names: str, parts: tuple[str, ...], ports: list[int]
) -> None:
    assert parse_only(names) == parts
    assert list(ports_of(parts, PORTS).values()) == ports


@pytest.mark.parametrize("names", ["", "broker,", "page", "broker;viewer"])
def test_a_part_that_there_is_not_is_a_usage_error_that_names_those_that_there_are(names: str) -> None:
    ran = minimq("up", "--only", names)
    assert (ran.code, ran.out) == (2, "")
    assert "Invalid value for '--only'" in ran.err
    assert "is none of broker, gateway, collectors, viewer" in ran.err


def test_a_broker_alone_does_not_ask_for_the_port_of_a_page(tmp_path: Path) -> None:
    with taken_port() as port, up(tmp_path, "--only=broker", f"--port={port}") as run:
        run.wait_for(f"MiniMQ is up: broker at {run.control}")
        assert run.children(1).keys() == {"broker"}
        assert run.newest() is None
        assert run.end(signal.SIGINT, END_S_MAX) == 0
        assert run.all_gone()


def test_where_a_broker_is_run_the_others_go_to_that_one(tmp_path: Path) -> None:
    with nobody() as endpoint, up(tmp_path, "--only=broker,collectors", MINIMQ_BROKER=endpoint) as run:
        assert eventually(run.newest) is not None
        assert run.children(2).keys() == {"broker", "collectors"}


def test_where_none_is_run_they_go_to_the_one_that_is_named(tmp_path: Path, broker: BrokerProcess) -> None:
    with (
        taken_port() as port,
        up(tmp_path, "--only=collectors,viewer", f"--broker={broker.control}", f"--ingest={port}") as run,
    ):
        run.wait_for_page()
        assert run.children(2).keys() == {"collectors", "panel"}
        assert eventually(lambda: newest(broker.control)) is not None


def test_collectors_alone_say_which_broker_they_are_for(tmp_path: Path, broker: BrokerProcess) -> None:
    with up(tmp_path, "--only=collectors", MINIMQ_BROKER=broker.control) as run:
        run.wait_for(f"MiniMQ is up: collectors for the broker at {broker.control}")
        assert eventually(lambda: newest(broker.control)) is not None


def test_another_broker_beside_the_one_that_is_run_is_a_usage_error() -> None:
    ran = minimq("up", "--broker", "tcp://broker.example:5557")
    assert (ran.code, ran.out) == (2, "")
    assert "Invalid value for '--broker': a broker is run here too: leave it out with --only" in ran.err


def test_a_broker_that_cannot_be_one_is_named() -> None:
    ran = minimq("up", "--only", "viewer", "--broker", "h")
    assert (ran.code, ran.out) == (1, "")
    assert "'h' is not a broker's endpoint: use tcp://HOST:PORT" in ran.complaint


def test_collectors_without_their_extra_are_refused_with_how_to_get_it() -> None:
    program = (
        "import sys; sys.modules['psutil'] = None; sys.argv[1:] = ['up', '--only=collectors'];"
        "from mq.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stderr == "minimq: this command needs psutil: pip install 'minimq[collectors]'\n"
