"""The README's examples do what they say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from broker_process import BrokerProcess

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
CONTROL, INGEST = "tcp://127.0.0.1:5557", "tcp://127.0.0.1:5555"


def blocks(language: str) -> list[str]:
    """Return the README's examples in a language."""
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def run(broker: BrokerProcess, *command: str) -> str:
    """Run a program against a broker, and return what it prints."""
    done = subprocess.run(
        command, env={"MINIMQ_BROKER": broker.control}, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


def test_the_python_example_runs_as_it_stands(broker: BrokerProcess) -> None:
    (example,) = blocks("python")
    source = example.replace(CONTROL, broker.control).replace(INGEST, broker.ingest)
    assert run(broker, sys.executable, "-W", "error", "-c", source) == "0\n0 b'disk replaced'\n"


def test_each_command_shown_exists_and_runs(broker: BrokerProcess) -> None:
    shown = re.findall(r"^minimq (\w+)(.*?)#", blocks("sh")[1], re.MULTILINE)
    assert [name for name, _ in shown] == ["topics", "tail", "replay", "pub", "stats", "topics", "verify"]
    assert run(broker, sys.executable, "-m", "mq.cli", "pub", "notes", "disk replaced") == "0\n"
    assert "notes" in run(broker, sys.executable, "-m", "mq.cli", "topics")
    assert run(broker, sys.executable, "-m", "mq.cli", "replay", "host/here/cpu", "--from", "-15m") == ""
    assert "disk replaced" in run(broker, sys.executable, "-m", "mq.cli", "tail", "+", "--from", "0", "--count", "1")


def test_each_file_that_is_linked_is_there() -> None:
    missing = [path for path in re.findall(r"\]\(([^)#:]+)\)", README) if not (ROOT / path).exists()]
    assert missing == []
