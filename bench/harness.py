"""Starting what a measure needs, and ending all of it."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from tempfile import TemporaryDirectory
from typing import Any

LINE_S_MAX = 120.0
END_S_MAX = 20.0


class Worker:
    """A child process that talks in lines."""

    def __init__(self, command: Sequence[str]) -> None:
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        )

    def line(self) -> str:
        """Return its next line; give up when none comes."""
        stdout = self.process.stdout
        assert stdout is not None
        if not select.select([stdout], [], [], LINE_S_MAX)[0]:
            raise TimeoutError(f"{self.process.args!r} says nothing")
        line = stdout.readline().decode().strip()
        if not line:
            raise RuntimeError(f"{self.process.args!r} ended with {self.process.wait()}")
        return line

    def result(self) -> dict[str, Any]:
        """Return what it found."""
        found: dict[str, Any] = json.loads(self.line())
        return found

    def go(self) -> None:
        """Tell it to begin."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"\n")

    def end(self) -> None:
        """End it, whatever it does."""
        self.process.terminate()
        try:
            self.process.wait(END_S_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


class Stage(ExitStack):
    """Workers that end together."""

    def worker(self, name: str, *arguments: object) -> Worker:
        """Start one of `bench.workers`."""
        return self.program([sys.executable, "-m", "bench.workers", name, *map(str, arguments)])

    def program(self, command: Sequence[str]) -> Worker:
        """Start any program."""
        worker = Worker(command)
        self.callback(worker.end)
        return worker

    def raw(self) -> dict[str, str]:
        """Start the raw loop, and return its endpoints."""
        return endpoints(self.worker("raw"))

    def broker(self) -> dict[str, str]:
        """Start a broker on an empty directory, and return its endpoints."""
        data = self.enter_context(TemporaryDirectory(dir="."))
        ports = [f"--{name}=tcp://127.0.0.1:*" for name in ("ingest", "live", "control", "ops")]
        return endpoints(self.program([sys.executable, "-m", "mq.cli", "broker", "--data", data, *ports]))


def endpoints(worker: Worker) -> dict[str, str]:
    """Return what a ready line names."""
    return dict(part.split("=", 1) for part in worker.line().split()[1:])


@contextmanager
def scratch() -> Iterator[None]:
    """Work in a directory of its own, on the disk that the project is on: memory would flatter what syncs."""
    here = os.getcwd()
    with TemporaryDirectory(prefix=".bench-", dir=here) as place:
        os.chdir(place)
        os.environ["PYTHONPATH"] = here
        try:
            yield
        finally:
            os.chdir(here)
