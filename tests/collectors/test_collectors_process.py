"""``python -m collectors`` for real: its first sample, its end, its weight."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import msgpack
import pytest
from broker_process import BrokerProcess
from contract import documented
from waiting import eventually

import mq
from collectors.readers import METRICS

FIRST_SAMPLE_NS_MAX = 1_500_000_000  # half a second, and room for a machine that is busy with other tests
RESIDENT_BYTES_MAX = 25_000_000
LIGHT = {"zmq", "psutil", "msgpack", "google_crc32c", "mq", "collectors"}
HEAVY = [
    "typer", "click", "asyncio", "numpy", "panel", "bokeh", "prometheus_client", "waitress", "rich", "zstandard",
    "argparse", "tomllib", "urllib", "mq.cli", "mq.broker", "mq.journal", "mq.config", "mq.client.producer",
]  # fmt: skip
VARIABLES = (
    "MINIMQ_",
    "METRIC_TYPE",
    "BROKER_URL",
    "NODE_NAME",
    "INTERVAL_SECONDS",
    "HOST_MODE",
    "DELIVERY",
    "SPOOL_DIR",
)


def environment(**said: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(VARIABLES)}
    return {**clean, **said}


@contextmanager
def collecting(log: Path, *arguments: str, **said: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a collector for as long as the block lasts."""
    command = [sys.executable, "-m", "collectors", *arguments]
    with log.open("wb") as errors:
        process = subprocess.Popen(command, stderr=errors, env=environment(**said))
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def samples(broker: BrokerProcess, node: str, metric: str = "cpu") -> list[dict[str, object]]:
    with mq.replay(broker.control, f"host/{node}/{metric}") as records:
        return [{**msgpack.unpackb(record.body), "produced": record.produced} for record in records]


def end(process: subprocess.Popen[bytes], number: signal.Signals) -> float:
    """End it; it must be in order. Return how long it took."""
    began = time.monotonic()
    process.send_signal(number)
    assert process.wait(20) == 0
    return time.monotonic() - began


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_samples_arrive_at_their_steps_until_a_signal(
    broker: BrokerProcess, tmp_path: Path, number: signal.Signals
) -> None:
    said = {"NODE_NAME": "n1", "METRIC_TYPE": "cpu", "INTERVAL_SECONDS": "0.2", "BROKER_URL": broker.control}
    with collecting(tmp_path / "log", **said) as process:
        eventually(lambda: len(samples(broker, "n1")) >= 8)
        assert end(process, number) < 1.0
    times = [sample["time"] for sample in samples(broker, "n1")]
    steps = [later - earlier for earlier, later in pairwise(times)]  # type: ignore[operator]
    assert (
        sum(150e6 < step < 250e6 for step in steps) >= len(steps) - 2
    )  # a late sample spoils the step before it and the one after
    log = (tmp_path / "log").read_text()
    assert "cpu of node n1, for the broker at" in log
    assert "Traceback" not in log


def test_the_first_sample_of_each_metric_is_whole_and_comes_at_once(broker: BrokerProcess, tmp_path: Path) -> None:
    options = ["--node", "n1", "--broker", broker.control, "--interval", "60"]
    started = time.time_ns()
    with collecting(tmp_path / "log", *options) as process:
        first = {metric: eventually(lambda: samples(broker, "n1", metric))[0] for metric in METRICS}  # noqa: B023
    for metric, sample in first.items():
        assert set(sample) | {"read", "written"} == documented(metric) | {"read", "written", "produced"}
        assert (sample["node"], sample["metric"]) == ("n1", metric)
        assert sample["collector"] == f"{os.uname().nodename}/{process.pid}"
        assert isinstance(sample["time"], int)
        assert sample["time"] - started < FIRST_SAMPLE_NS_MAX
    assert first["cpu"]["per_core"]
    assert isinstance(first["mem"]["value"], float)
    assert first["mem"]["value"] > 0


def test_a_broker_that_moves_its_ingest_port_is_followed(broker: BrokerProcess, tmp_path: Path) -> None:
    with collecting(tmp_path / "log", "--node=n1", "--broker", broker.control, "--interval", "0.1") as process:
        eventually(lambda: samples(broker, "n1"))
        earlier = broker.ingest
        broker.kill()
        broker.endpoints["ingest"] = "tcp://127.0.0.1:*"
        broker.restart()
        back = time.time_ns()
        eventually(lambda: int(str(samples(broker, "n1")[-1]["time"])) > back)
        end(process, signal.SIGTERM)
    log = (tmp_path / "log").read_text()
    assert [line.rpartition(" ")[2] for line in log.splitlines() if "pushing to" in line] == [earlier, broker.ingest]
    times = [sample["time"] for sample in samples(broker, "n1")]
    assert times == sorted(times)  # type: ignore[type-var]


def test_sigterm_ends_it_within_a_second_where_there_never_was_a_broker(broker: BrokerProcess, tmp_path: Path) -> None:
    broker.kill()
    with collecting(tmp_path / "log", "--broker", broker.control, "--interval", "0.1") as process:
        eventually(lambda: "for the broker at" in (tmp_path / "log").read_text())
        assert end(process, signal.SIGTERM) < 1.0


def test_sigterm_ends_it_within_two_seconds_while_the_broker_is_away(broker: BrokerProcess, tmp_path: Path) -> None:
    with collecting(tmp_path / "log", "--node=n1", "--broker", broker.control, "--interval", "0.1") as process:
        eventually(lambda: samples(broker, "n1"))
        broker.kill()
        assert end(process, signal.SIGTERM) < 2.0


def test_a_broker_that_comes_later_gets_what_was_read_before_with_its_own_times(
    broker: BrokerProcess, tmp_path: Path
) -> None:
    broker.kill()
    with collecting(tmp_path / "log", "--node=n1", "--broker", broker.control, "--interval", "0.1") as process:
        eventually(lambda: "no broker answers" in (tmp_path / "log").read_text())
        back = time.time_ns()
        broker.restart()
        found = eventually(lambda: samples(broker, "n1"))
        end(process, signal.SIGTERM)
    times = [sample["time"] for sample in found]
    assert isinstance(times[0], int)
    assert times[0] < back - 1_000_000_000
    assert times == sorted(times)  # type: ignore[type-var]


def test_it_is_small(broker: BrokerProcess, tmp_path: Path) -> None:
    with collecting(tmp_path / "log", "--node=n1", "--broker", broker.control, "--interval", "0.1") as process:
        eventually(lambda: len(samples(broker, "n1")) >= 20)
        with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
            (resident,) = (int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS"))
    assert resident < RESIDENT_BYTES_MAX


THE_SYSTEMS = {"sitecustomize", "usercustomize", "apport_python_hook"}


def test_it_imports_nothing_but_four_libraries_and_the_client() -> None:
    program = "import collectors.__main__, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    loaded = set(done.stdout.split())
    assert loaded.isdisjoint(HEAVY)
    ours = {name.partition(".")[0] for name in loaded} - set(sys.stdlib_module_names)
    assert ours >= LIGHT
    assert {name for name in ours if not name.startswith("_")} - LIGHT <= {"cython_runtime", "google", *THE_SYSTEMS}


@pytest.mark.parametrize(
    ("arguments", "said", "code", "why"),
    [
        (["gpu"], {}, 1, "collectors: metric in the arguments or METRIC_TYPE: no 'gpu' here"),
        ([], {"METRIC_TYPE": "cpu,gpu"}, 1, "collectors: metric in the arguments or METRIC_TYPE: no 'gpu' here"),
        (["--node", "a/b"], {}, 1, "collectors: node in --node or NODE_NAME: 'a/b' holds a '/'"),
        (["--interval", "nan"], {}, 1, "collectors: interval in --interval or INTERVAL_SECONDS: nan s is not within"),
        ([], {"INTERVAL_SECONDS": "abc"}, 1, "collectors: interval in --interval or INTERVAL_SECONDS: 'abc' is not a"),
        ([], {"HOST_MODE": "maybe"}, 1, "collectors: HOST_MODE in the environment"),
        ([], {"BROKER_URL": "b"}, 1, "collectors: broker in BROKER_URL: 'b' is not a broker's endpoint"),
        (["--nope"], {}, 2, "usage: python -m collectors"),
    ],
)
def test_what_cannot_be_meant_is_said_and_not_begun(
    arguments: list[str], said: dict[str, str], code: int, why: str
) -> None:
    command = [sys.executable, "-m", "collectors", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environment(**said))
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(why)


def test_help_is_printed(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "collectors", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, cwd=tmp_path)
    assert done.stdout.startswith("usage: python -m collectors")
    assert done.stderr == ""


def test_one_that_was_stopped_goes_on_when_it_is_continued(broker: BrokerProcess, tmp_path: Path) -> None:
    """As by Ctrl-Z and `fg`: that its time to wait was over meanwhile is no signal to end."""
    with collecting(tmp_path / "log", "cpu", "--node", "n1", "--broker", broker.control) as process:
        before = eventually(lambda: samples(broker, "n1"))
        process.send_signal(signal.SIGSTOP)
        due = time.monotonic() + 2.0
        eventually(lambda: time.monotonic() > due)
        process.send_signal(signal.SIGCONT)
        eventually(lambda: len(samples(broker, "n1")) > len(before) + 1)
        assert process.poll() is None
        end(process, signal.SIGTERM)
