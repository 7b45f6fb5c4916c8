"""Running the programs in ``examples/`` as somebody does who has copied them."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from page import ROOT
from waiting import eventually

RUN_S_MAX = 60


def example_module(name: str) -> Any:
    """Import one, for the part of it that decides and touches nothing."""
    found = importlib.util.spec_from_file_location(f"example_{name}", ROOT / "examples" / f"{name}.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules[found.name] = module
    found.loader.exec_module(module)
    return module


def command(name: str, *arguments: str) -> list[str]:
    return [sys.executable, "-W", "error", str(ROOT / "examples" / name), *arguments]


def environment(broker: str) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("MINIMQ_")}
    return {**ours, "MINIMQ_BROKER": broker}


def run(name: str, *arguments: str, broker: str) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; it must leave no traceback."""
    done = subprocess.run(
        command(name, *arguments),
        env=environment(broker),
        capture_output=True,
        text=True,
        timeout=RUN_S_MAX,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


class Program:
    """One that runs in the background; what it prints goes to files."""

    def __init__(self, place: Path, name: str, arguments: tuple[str, ...], broker: str) -> None:
        place.mkdir()
        self._out, self._err = place / "out", place / "err"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(command(name, *arguments), env=environment(broker), stdout=out, stderr=err)

    @property
    def lines(self) -> list[str]:
        """What it has printed."""
        return self._out.read_text().splitlines()

    @property
    def complaints(self) -> str:
        """What it has printed on standard error."""
        return self._err.read_text()

    def says(self, words: str) -> None:
        """Wait until it has printed a line that ends in these words."""
        eventually(lambda: any(line.endswith(words) for line in self.lines) or self._ended(words))

    def interrupt(self) -> int:
        """End it by Ctrl-C, and return its exit code; it must leave no traceback."""
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(RUN_S_MAX)
        assert "Traceback" not in self.complaints, self.complaints
        return code

    def _ended(self, words: str) -> bool:
        assert self.process.poll() is None, f"ended without {words!r}: {self.lines} {self.complaints}"
        return False


@contextmanager
def program(place: Path, name: str, *arguments: str, broker: str) -> Iterator[Program]:
    """Run one for as long as the block lasts."""
    it = Program(place, name, arguments, broker)
    try:
        yield it
    finally:
        it.process.kill()
        it.process.wait()
