"""The README's example in Python prints what its comments and names promise; all it shows is run by `tests/docs`."""

from __future__ import annotations

import subprocess
import sys

from broker_process import BrokerProcess
from page import ROOT, steps_of

CONTROL, INGEST = "tcp://127.0.0.1:5557", "tcp://127.0.0.1:5555"


def test_the_python_example_runs_as_it_stands(broker: BrokerProcess) -> None:
    (example,) = [step.text for step in steps_of(ROOT / "README.md") if step.kind == "python"]
    source = example.replace(CONTROL, broker.control).replace(INGEST, broker.ingest)
    command = [sys.executable, "-W", "error", "-c", source]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "0\n0 b'disk replaced'\n"
