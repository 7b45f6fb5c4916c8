"""``python -m collectors --delivery acked``: no hole in a plot, whoever was away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from broker_process import BrokerProcess
from test_collectors_process import HEAVY, LIGHT, RESIDENT_BYTES_MAX, THE_SYSTEMS, collecting, end, environment, samples
from waiting import eventually

from collectors.readers import METRICS
from collectors.settings import Given, read_settings
from mq.errors import BadSetting

NOBODY = "tcp://127.0.0.1:1"


def resident(process: subprocess.Popen[bytes]) -> int:
    with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS"))


def spooled(spool: Path) -> int:
    return sum(path.stat().st_size for path in spool.glob("*"))


def test_a_plot_has_no_hole_while_the_broker_was_away_and_the_collector_killed(
    broker: BrokerProcess, tmp_path: Path
) -> None:
    spool = tmp_path / "spool"
    options = ["cpu", "--node=n1", "--broker", broker.control, "--interval", "0.1"]
    with collecting(tmp_path / "log", *options, "--delivery", "acked", "--spool", str(spool)) as first:
        eventually(lambda: len(samples(broker, "n1")) >= 5)
        broker.kill()
        before = spooled(spool)
        eventually(lambda: spooled(spool) > before + 5_000)
        first.send_signal(signal.SIGKILL)
        first.wait()
    said = {"DELIVERY": "acked", "SPOOL_DIR": str(spool)}
    with collecting(tmp_path / "log2", *options, **said) as second:
        before = spooled(spool)
        eventually(lambda: spooled(spool) > before + 5_000)
        broker.restart()
        count = eventually(lambda: len(samples(broker, "n1")))
        eventually(lambda: len(samples(broker, "n1")) > count + 20)
        end(second, signal.SIGTERM)
    found = samples(broker, "n1")
    times = [int(str(sample["time"])) for sample in found]
    assert times == sorted(set(times))
    assert all(0 <= int(str(sample["produced"])) - int(str(sample["time"])) < 100_000_000 for sample in found)
    for collector in {str(sample["collector"]) for sample in found}:
        own = [time for time, sample in zip(times, found, strict=True) if sample["collector"] == collector]
        assert len(own) > 10
        assert max(later - earlier for earlier, later in pairwise(own)) < 400_000_000  # a busy machine may miss steps
    assert "samples of an earlier run wait in the spool" in (tmp_path / "log2").read_text()


def test_sigterm_ends_it_within_two_seconds_and_says_what_waits(tmp_path: Path) -> None:
    options = ["--node=n1", "--broker", NOBODY, "--interval", "0.1", "--delivery", "acked"]
    with collecting(tmp_path / "log", *options, XDG_STATE_HOME=str(tmp_path / "state")) as process:
        spool = tmp_path / "state" / "minimq" / "spool" / "-".join(["n1", *METRICS])
        eventually(lambda: "they wait in the spool" in (tmp_path / "log").read_text())
        assert end(process, signal.SIGTERM) < 2.0
    assert f"samples wait in the spool {spool} for the next run" in (tmp_path / "log").read_text()


@pytest.mark.parametrize("is_away", [False, True])
def test_it_is_small(broker: BrokerProcess, tmp_path: Path, is_away: bool) -> None:
    spool = tmp_path / "spool"
    options = ["--node=n1", "--broker", broker.control, "--interval", "0.1", "--delivery=acked", f"--spool={spool}"]
    with collecting(tmp_path / "log", *options) as process:
        eventually(lambda: len(samples(broker, "n1")) >= 5)
        if is_away:
            broker.kill()
        size = spooled(spool)
        eventually(lambda: spooled(spool) > size + 50_000)
        assert resident(process) < RESIDENT_BYTES_MAX


def test_it_imports_nothing_but_four_libraries_and_the_client() -> None:
    program = "import collectors.__main__, collectors.acked, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    loaded = set(done.stdout.split())
    assert loaded.isdisjoint(set(HEAVY) - {"mq.client.producer"})
    ours = {name.partition(".")[0] for name in loaded} - set(sys.stdlib_module_names)
    assert {name for name in ours if not name.startswith("_")} - LIGHT <= {"cython_runtime", "google", *THE_SYSTEMS}


def test_what_is_pushed_needs_no_spool_and_has_none() -> None:
    assert read_settings(Given(), {}).spool is None
    assert read_settings(Given(), {"DELIVERY": "push", "SPOOL_DIR": "/s"}).spool is None
    with pytest.raises(BadSetting, match="--delivery acked too"):
        read_settings(Given(spool="/s"), {})
    with pytest.raises(BadSetting, match="'sometimes' is neither push nor acked"):
        read_settings(Given(), {"DELIVERY": "sometimes"})


def test_where_the_spool_is() -> None:
    acked = Given(("cpu", "mem"), "n1", delivery="acked")
    assert read_settings(acked, {"XDG_STATE_HOME": "/state"}).spool == "/state/minimq/spool/n1-cpu-mem"
    assert read_settings(acked, {}).spool == os.path.expanduser("~/.local/state/minimq/spool/n1-cpu-mem")
    assert read_settings(acked, {"SPOOL_DIR": "/s"}).spool == "/s"
    assert read_settings(Given(delivery="acked", spool="/t"), {"SPOOL_DIR": "/s", "DELIVERY": "push"}).spool == "/t"


def test_a_spool_that_cannot_be_used_is_one_line_and_an_exit_code(tmp_path: Path) -> None:
    held = ["--node=n1", "--broker", NOBODY, "--delivery=acked"]
    command = [sys.executable, "-m", "collectors", *held]
    with collecting(tmp_path / "log", *held, SPOOL_DIR=str(tmp_path / "spool")):
        eventually(lambda: (tmp_path / "spool").exists() and spooled(tmp_path / "spool"))
        for directory, why in [(tmp_path / "spool", "is held by process"), (Path("/proc/spool"), "cannot be used")]:
            said = environment(SPOOL_DIR=str(directory))
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=said)
            assert done.returncode == 1
            (line,) = [line for line in done.stderr.splitlines() if line.startswith("collectors: ")]
            assert str(directory) in line
            assert why in line
