"""``minimq broker``: what it says when it serves, and when it cannot."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from broker_process import NAMES, BrokerProcess
from cli_kit import MINIMQ, Ran, Running, environment, minimq, store, stored, taken_port
from waiting import eventually

import mq
from mq.client.link import Link
from mq.errors import MqError

ANY = [f"--{name}=tcp://127.0.0.1:*" for name in NAMES]


def refused(directory: Path, *arguments: str, **environ: str) -> Ran:
    """Start a broker that has to end by itself, with one line that says why."""
    ran = minimq("broker", *ANY, *arguments, environ=environ, directory=directory)
    assert (ran.code, ran.out) == (1, "")
    assert ran.complaint.startswith("minimq: ")
    return ran


def test_it_says_ready_and_where_once_it_serves(broker: BrokerProcess) -> None:
    assert re.fullmatch(r"tcp://127\.0\.0\.1:\d+", broker.control)
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", broker.ops)
    assert len({broker.endpoints[name] for name in NAMES}) == 4


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(broker: BrokerProcess, number: signal.Signals) -> None:
    store(broker, "a", b"x")
    assert broker.process.stdout is not None
    broker.signal(number)
    assert broker.process.wait(20) == 0
    assert broker.process.stdout.read() == b""
    broker.process.stdout.close()
    assert "Traceback" not in broker.log.read_text()
    broker.restart()
    assert [each.body for each in stored(broker, "a")] == [b"x"]


@pytest.mark.parametrize("name", NAMES)
def test_a_taken_port_is_one_line_with_the_port_and_the_option(tmp_path: Path, name: str) -> None:
    with taken_port() as port:
        ran = refused(tmp_path, f"--{name}=tcp://127.0.0.1:{port}")
    assert f"127.0.0.1:{port} is taken by another program" in ran.complaint
    assert f"--{name}" in ran.complaint


@pytest.mark.parametrize(
    "option",
    [
        "--ingest=5555",
        "--live=tcp://127.0.0.1",
        "--control=ipc:///tmp/x",
        "--ops=tcp://x",
        "--ingest=tcp://192.0.2.1:*",
    ],
)
def test_a_bad_endpoint_is_named_with_its_option(tmp_path: Path, option: str) -> None:
    name, _, endpoint = option.partition("=")
    assert f"{name} {endpoint}" in refused(tmp_path, option).complaint


def test_a_data_directory_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    ran = refused(tmp_path, "--data=file/data")
    assert "file/data cannot be used" in ran.complaint
    assert "--data" in ran.complaint


def test_a_data_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    assert "/proc/minimq cannot be used" in refused(tmp_path, "--data=/proc/minimq").complaint


def test_a_directory_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "thesis.tex").write_text("x")
    ran = refused(tmp_path)
    assert "data is not a MiniMQ data directory (it holds 'thesis.tex')" in ran.complaint
    assert os.listdir(tmp_path / "data") == ["thesis.tex"]


def test_a_second_broker_on_the_same_directory_is_refused(broker: BrokerProcess, tmp_path: Path) -> None:
    ran = refused(tmp_path, f"--data={broker.data}")
    owner = f"process {broker.process.pid} on {os.uname().nodename}"
    assert f"{broker.data} is in use by another broker ({owner})" in ran.complaint


def test_a_bad_setting_is_named_with_its_place(tmp_path: Path) -> None:
    in_the_environment = refused(tmp_path, MINIMQ_TOPICS_MAX="many")
    assert in_the_environment.complaint == (
        "minimq: topics_max in the environment (MINIMQ_TOPICS_MAX): 'many' is not a whole number"
    )
    (tmp_path / "minimq.toml").write_text("[broker]\ntopic_max = 3\n")
    assert "topic_max in " in refused(tmp_path).complaint
    assert "minimq.toml: there is no such setting" in refused(tmp_path).complaint
    assert not (tmp_path / "data").exists()


def test_an_option_that_there_is_not_is_a_usage_error(tmp_path: Path) -> None:
    ran = minimq("broker", "--port", "1", directory=tmp_path)
    assert (ran.code, ran.out) == (2, "")
    assert "No such option: --port" in ran.err


def serve_with_stdout(directory: Path, redirection: str) -> Running:
    command = f"exec {' '.join(MINIMQ)} broker {' '.join(ANY)} {redirection}".replace("*", "'*'")
    return Running(directory, ["/bin/sh", "-c", command], environment())


@pytest.mark.parametrize("redirection", [">&-", ">&- 2>&-", "<&- >&- 2>&-", ">/dev/full"])
def test_it_serves_all_the_same_when_nobody_can_hear_that_it_is_ready(tmp_path: Path, redirection: str) -> None:
    run = serve_with_stdout(tmp_path, redirection)
    try:
        control = eventually(lambda: _control_of(run.process.pid))
        store_one(control)
        assert run.end(signal.SIGTERM) == 0
        (log,) = tmp_path.glob("data/topics/a/@*.log")
        assert log.read_bytes().startswith(b"a\0MQ")
    finally:
        run.process.kill()
        run.process.wait()


def _control_of(pid: int) -> str:
    """Find the control port of a broker that tells nobody (of its listening ports the one that says hello), or none."""
    for port in _listening(pid):
        try:
            with Link(f"tcp://127.0.0.1:{port}", 0.2) as link:
                return f"tcp://127.0.0.1:{link.hello().control}"
        except MqError:
            continue
    return ""


def _listening(pid: int) -> list[int]:
    return [each.laddr.port for each in psutil.Process(pid).net_connections("tcp") if each.status == "LISTEN"]


def store_one(control: str) -> None:
    with mq.Producer(control) as producer:
        assert producer.send("a", b"x").result(20).offset == 0


def test_a_reader_of_its_output_that_leaves_does_not_end_it(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with (tmp_path / "err").open("wb") as err:
        process = subprocess.Popen(
            [sys.executable, "-m", "mq.cli", "broker", *ANY],
            stdout=writing,
            stderr=err,
            cwd=tmp_path,
            env=environment(),
        )
    os.close(writing)
    try:
        store_one(eventually(lambda: _control_of(process.pid)))
        process.terminate()
        assert process.wait(20) == 0
        assert "Traceback" not in (tmp_path / "err").read_text()
    finally:
        process.kill()
        process.wait()
