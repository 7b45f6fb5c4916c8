"""The tutorial, typed: each of its commands and programs runs, and says what the page says that it says."""

from __future__ import annotations

import doctest
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_kit import environment
from up_kit import END_S_MAX, Up, up

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.md"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CONTROL = "tcp://127.0.0.1:5557"
RUN_S_MAX = 60
# What is on everybody's path, or would reach beyond what this test has started.
SHELL = """
minimq() { "$PYTHON" -m mq.cli "$@"; }
hostname() { echo n1; }
pkill() { command pkill "$@" -P "$UP"; }
"""


def blocks() -> list[tuple[str, str]]:
    """Return what stands between fences, as kind and text."""
    return [(found[1], found[2]) for found in FENCE.finditer(TUTORIAL.read_text())]


def steps() -> Iterator[tuple[str, str, str | None]]:
    """Yield what is to be typed, with what it is to print where the page says so."""
    all_blocks = blocks()
    for (kind, text), (next_kind, said) in zip(all_blocks, [*all_blocks[1:], ("", "")], strict=True):
        if kind != "text":
            yield kind, text, said if next_kind == "text" else None


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


def is_said(wanted: str, said: str) -> bool:
    """Whether a text is as the page shows it, where ``…`` stands for anything and blanks are blanks."""
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    return doctest.OutputChecker().check_output(wanted.replace("…", "..."), said, flags)


def test_the_page_begins_as_the_test_does() -> None:
    kinds = {kind for kind, _ in blocks()}
    assert kinds == {"sh", "python", "text"}
    assert [text for _, text in blocks()][:2] == [". .venv/bin/activate\n", "minimq up\n"]
    assert CONTROL in TUTORIAL.read_text()


@pytest.mark.timeout(300)
def test_all_of_it_can_be_typed(tmp_path: Path) -> None:
    with up(tmp_path) as run:
        run.wait_for_page()
        for kind, text, wanted in list(steps())[2:]:
            if text.startswith("minimq verify"):
                assert run.end(signal.SIGINT, END_S_MAX) == 0
            said = typed(kind, text, run, tmp_path)
            assert wanted is None or is_said(wanted, said), f"{text}\nsaid\n{said}\nand not\n{wanted}"
        assert run.process.poll() == 0
