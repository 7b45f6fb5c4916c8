"""Trying mutants out: a copy of the project, a guard taken out of it, and the named tests run there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as Xml

from mutant import Mutant

ROOT = Path(__file__).parents[2]
NEEDED = ("mq", "tests", "pyproject.toml")
GREEN, RED = 0, 1
TEST_S_MAX = 40
RUN_S_MAX = 240
_NOT_THE_GUARD = re.compile(
    r"NameError|UnboundLocalError|TypeError|AttributeError|SyntaxError|ImportError|ModuleNotFoundError|Failed: Timeout"
)


class Failed(NamedTuple):
    """A case that turned red, and the first line of why."""

    test: str
    why: str


class Outcome(NamedTuple):
    """What came of a run: pytest's exit code, the cases by what became of them, and all that it said."""

    code: int
    passed: list[str]
    failed: list[Failed]
    errors: list[str]
    said: str
    seconds: float

    def red(self, test: str) -> list[Failed]:
        """Return the cases of a test that turned red."""
        return [each for each in self.failed if is_case_of(each.test, test)]


def copy_project(target: Path) -> Path:
    """Copy what the tests need, as it is now and with nothing compiled, and return where it is."""
    target.mkdir()
    for name in NEEDED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, target / name)
    return target


def try_out(mutant: Mutant, tree: Path) -> Outcome:
    """Run a mutant's tests in a copy of the project while the guard is out of it. Raises `Moved`."""
    with mutant.applied(tree):
        return run(tree, mutant.tests)


def survived(mutant: Mutant, outcome: Outcome) -> str | None:
    """Return why a mutant does not count as noticed, None when it does."""
    if outcome.code == GREEN:
        return "nobody misses this guard: all is green without it"
    if outcome.code != RED or outcome.errors:
        return f"the tests could not be run: pytest ended with {outcome.code}, errors in {outcome.errors}"
    for test in mutant.tests:
        if not outcome.red(test):
            return f"{test} does not miss this guard"
    broken = [each for each in outcome.failed if _NOT_THE_GUARD.search(each.why)]
    return f"red for another reason than the guard: {broken[0].test}: {broken[0].why}" if broken else None


def run(tree: Path, tests: Iterable[str]) -> Outcome:
    """Run tests on the product that lies in `tree`."""
    began = time.monotonic()
    origin = _imported_from(tree)
    if not origin.is_relative_to(tree):
        raise AssertionError(f"the tests would import {origin}, and not what is in {tree}")
    report = tree / "report.xml"
    report.unlink(missing_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *tests, *_options(tree, report)],
        cwd=tree,
        env=_environment(tree),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=RUN_S_MAX,
        check=False,
    )
    passed, failed, errors = _read(report) if report.exists() else ([], [], [])
    return Outcome(done.returncode, passed, failed, errors, done.stdout, time.monotonic() - began)


def is_case_of(case: str, test: str) -> bool:
    """Whether a case is that test, or one of its cases."""
    return case == test or case.startswith(f"{test}[")


def _options(tree: Path, report: Path) -> list[str]:
    """Return what keeps a run to itself: its files in the tree, no memory of other runs, and an end to each test."""
    return [
        f"--junitxml={report}",
        f"--basetemp={tree / 'tmp'}",
        "-p",
        "no:cacheprovider",
        "-o",
        f"timeout={TEST_S_MAX}",
    ]


def _environment(tree: Path) -> dict[str, str]:
    """Return ours, without what an outer pytest says of itself, and with `tree` before the installed project.

    The tests hand it on to the processes that they start.
    """
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return {**ours, "PYTHONPATH": str(tree)}


def _imported_from(tree: Path) -> Path:
    """Return where a process finds `mq` that is started elsewhere with the tests' environment."""
    command = [sys.executable, "-c", "import mq; print(mq.__file__)"]
    said = subprocess.run(command, cwd=tree.parent, env=_environment(tree), capture_output=True, text=True, check=True)
    return Path(said.stdout.strip())


def _place(name: str) -> str:
    """Return the file of a module, with the class in it if one is named."""
    module, _, last = name.rpartition(".")
    is_class = last[:1].isupper()
    path = (module if is_class else name).replace(".", "/") + ".py"
    return f"{path}::{last}" if is_class else path


def _read(report: Path) -> tuple[list[str], list[Failed], list[str]]:
    """Return the cases that passed, failed, and came to no end of their own: in a fixture, or not even so far."""
    passed, failed, errors = list[str](), list[Failed](), list[str]()
    for case in Xml.parse(report).iter("testcase"):  # noqa: S314 - pytest has written it just now
        test = f"{_place(case.get('classname', ''))}::{case.get('name')}"
        failure = case.find("failure")
        if failure is not None:
            failed.append(Failed(test, failure.get("message", "").partition("\n")[0]))
        if case.find("error") is not None:
            errors.append(test)
        if not len(case):
            passed.append(test)
    return passed, failed, errors
