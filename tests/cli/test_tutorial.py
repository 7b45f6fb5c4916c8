"""The tutorial, typed: each of its commands and programs runs, and says what the page says that it says."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cli_kit import environment
from page import is_said, steps_of
from up_kit import END_S_MAX, Up, up

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.md"
CONTROL = "tcp://127.0.0.1:5557"
RUN_S_MAX = 60
# What is on everybody's path, or would reach beyond what this test has started.
SHELL = """
minimq() { "$PYTHON" -m mq.cli "$@"; }
hostname() { echo n1; }
pkill() { command pkill "$@" -P "$UP"; }
"""


def typed(kind: str, text: str, run: Up, directory: Path) -> str:
    """Return what it prints; it must not fail."""
    command = [sys.executable, "-c", text.replace(CONTROL, run.control)]
    if kind == "sh":
        command = ["bash", "-euc", SHELL + text]
    known = {"PYTHON": sys.executable, "UP": str(run.process.pid), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        command,
        cwd=directory,
        env=environment(run.control, **known),
        capture_output=True,
        text=True,
        timeout=RUN_S_MAX,
        check=False,
    )
    assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_page_begins_as_the_test_does() -> None:
    steps = steps_of(TUTORIAL)
    assert {step.kind for step in steps} == {"sh", "python"}
    assert [step.text for step in steps][:2] == [". .venv/bin/activate\n", "minimq up\n"]
    assert CONTROL in TUTORIAL.read_text()


@pytest.mark.timeout(300)
def test_all_of_it_can_be_typed(tmp_path: Path) -> None:
    with up(tmp_path) as run:
        run.wait_for_page()
        for step in steps_of(TUTORIAL)[2:]:
            if step.text.startswith("minimq verify"):
                assert run.end(signal.SIGINT, END_S_MAX) == 0
            said = typed(step.kind, step.text, run, tmp_path)
            assert step.said is None or is_said(step.said, said), f"{step.text}\nsaid\n{said}\nand not\n{step.said}"
        assert run.process.poll() == 0
