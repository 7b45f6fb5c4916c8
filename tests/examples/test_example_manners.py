"""Every example says how it is run, takes ``--help``, and says in a line that there is no broker."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from example_kit import run
from page import ROOT

NOBODY = "tcp://127.0.0.1:1"
EXAMPLES = sorted(path.name for path in (ROOT / "examples").glob("*.py"))
ARGUMENTS = {"work_queue.py": ["submit", "a"], "backfill_parquet.py": ["#", "unused"], "alert.py": []}
every_example = pytest.mark.parametrize("name", EXAMPLES)


def test_each_example_is_tested() -> None:
    assert set(EXAMPLES) == set(ARGUMENTS)


@every_example
def test_it_says_how_it_is_run(name: str) -> None:
    said = ast.get_docstring(ast.parse((ROOT / "examples" / name).read_text("utf-8")))
    assert said is not None
    assert f"python examples/{name}" in said


@every_example
def test_its_help_names_what_can_be_typed(name: str) -> None:
    helped = run(name, "--help", broker=NOBODY)
    assert (helped.returncode, helped.stderr) == (0, "")
    assert "--broker" in helped.stdout


@every_example
def test_without_a_broker_it_says_so_in_a_line(name: str, tmp_path: Path) -> None:
    arguments = [str(tmp_path / "unused") if each == "unused" else each for each in ARGUMENTS[name]]
    alone = run(name, *arguments, broker=NOBODY)
    assert (alone.returncode, alone.stdout) == (1, "")
    assert len(alone.stderr.splitlines()) == 1
    assert alone.stderr.startswith(name.removesuffix(".py"))
