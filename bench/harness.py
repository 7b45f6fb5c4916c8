"""Starting what a measure needs, and ending all of it."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any

LINE_S_MAX = 120.0
END_S_MAX = 20.0
REDIS = "/usr/bin/redis-server"
REDIS_READY = "ready to accept connections"
NATS = str(Path(sys.executable).with_name("nats-server"))
NATS_LISTENS, NATS_READY = "Listening for client connections on", "Server is ready"


class Unmeasurable(Exception):
    """What was to be measured cannot be, and why."""


class Worker:
    """A child process that talks in lines."""

    def __init__(self, command: Sequence[str], settings: Mapping[str, str] | None = None) -> None:
        self._complaints = TemporaryFile()  # noqa: SIM115 - closed in `end`
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            bufsize=0,
            env={**os.environ, **(settings or {})},
        )

    def line(self) -> str:
        """Return its next line; give up when none comes."""
        line = self.line_within(LINE_S_MAX)
        if line is None:
            raise Unmeasurable(f"{self.process.args!r} says nothing")
        return line

    def line_within(self, seconds: float) -> str | None:
        """Return its next line, None when none comes so soon."""
        stdout = self.process.stdout
        assert stdout is not None
        if not select.select([stdout], [], [], seconds)[0]:
            return None
        line = stdout.readline().decode().strip()
        if not line:
            raise Unmeasurable(f"{self.process.args!r} ended with {self.process.wait()}: {self._complaint()}")
        return line

    def result(self) -> dict[str, Any]:
        """Return what it found."""
        return found_in(self.line())

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
        for pipe in (self.process.stdin, self.process.stdout, self._complaints):
            if pipe is not None:
                pipe.close()

    def _complaint(self) -> str:
        """Return the last line of what it wrote to standard error."""
        self._complaints.seek(0)
        return (self._complaints.read().decode(errors="replace").strip().splitlines() or ["without a word"])[-1]


class Stage(ExitStack):
    """Workers that end together."""

    def worker(self, name: str, *arguments: object) -> Worker:
        """Start one of `bench.workers`."""
        return self.program([sys.executable, "-m", "bench.workers", name, *map(str, arguments)])

    def program(self, command: Sequence[str], settings: Mapping[str, str] | None = None) -> Worker:
        """Start any program, with settings as variables."""
        worker = Worker(command, settings)
        self.callback(worker.end)
        return worker

    def raw(self) -> dict[str, str]:
        """Start the raw loop, and return its endpoints."""
        return endpoints(self.worker("raw"))

    def broker(self) -> dict[str, str]:
        """Start a broker on an empty directory, and return its endpoints."""
        return self.broker_process()[1]

    def broker_process(self) -> tuple[Worker, dict[str, str]]:
        """Do the same, and return its process too."""
        return self.broker_on(self.enter_context(TemporaryDirectory(dir=".")))

    def broker_on(self, data: str, settings: Mapping[str, str] | None = None) -> tuple[Worker, dict[str, str]]:
        """Start one on a directory, and wait until it serves."""
        ports = [f"--{name}=tcp://127.0.0.1:*" for name in ("ingest", "live", "control", "ops")]
        broker = self.program([sys.executable, "-m", "mq.cli", "broker", "--data", data, *ports], settings)
        return broker, endpoints(broker)

    def gateway(self, control: str) -> str:
        """Start a gateway for a broker, and return where it answers."""
        command = [sys.executable, "-m", "mq.cli", "gateway", "--broker", control, "--port", "0"]
        return endpoints(self.program(command))["gateway"]

    def redis(self, sync: str = "everysec") -> str:
        """Start a Redis that appends to a file and syncs it so often, and return the path of its socket."""
        place = self.enter_context(TemporaryDirectory(dir="."))
        settings = {"dir": place, "port": "0", "unixsocket": "socket", "save": "", "daemonize": "no"}
        settings |= {"appendonly": "yes", "appendfsync": sync, "auto-aof-rewrite-percentage": "0"}
        redis = self.program([REDIS, *(word for name, it in settings.items() for word in (f"--{name}", it))])
        while REDIS_READY not in redis.line().lower():
            pass
        return f"{place}/socket"

    def nats(self, sync: str = "1s") -> str:
        """Start a NATS server whose streams are files that are synced so often, and return its address."""
        place = self.enter_context(TemporaryDirectory(dir="."))
        settings = f'listen: "127.0.0.1:-1"\njetstream {{ store_dir: "{place}", sync_interval: {sync} }}\n'
        Path(place, "settings").write_text(settings)
        server = self.program([NATS, "--config", f"{place}/settings", "--log", "/dev/stdout"])
        while NATS_LISTENS not in (line := server.line()):
            pass
        address = line.rpartition(" ")[2]
        while NATS_READY not in server.line():
            pass
        return f"nats://{address}"


def found_in(line: str) -> dict[str, Any]:
    """Return what a line of JSON says."""
    found: dict[str, Any] = json.loads(line)
    return found


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
