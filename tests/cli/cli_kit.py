"""What the tests of the command line share: running ``minimq`` for real, to its end or in the background."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from broker_process import BrokerProcess

import mq

RUN_S_MAX = 60.0
MINIMQ = (sys.executable, "-m", "mq.cli")


@dataclass(frozen=True)
class Ran:
    """A run that has ended."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def lines(self) -> list[str]:
        """What it printed, line by line."""
        return self.out.splitlines()

    @property
    def objects(self) -> list[Any]:
        """What it printed with --json."""
        return [json.loads(line) for line in self.lines]

    @property
    def complaint(self) -> str:
        """The one line that it left on standard error."""
        (line,) = self.err.splitlines()
        return line


def environment(broker: str | None = None, **more: str) -> dict[str, str]:
    """Return the environment without what would change a run, and with what is to."""
    ours = ("MINIMQ_", "METRIC_TYPE", "BROKER_URL", "NODE_NAME", "INTERVAL_SECONDS", "HOST_MODE")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**environ, **({"MINIMQ_BROKER": broker} if broker else {}), **more}


def minimq(
    *arguments: str,
    broker: str | None = None,
    given: bytes = b"",
    environ: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> Ran:
    """Run to the end, `given` on standard input; no run may leave a traceback."""
    begun = time.monotonic()
    done = subprocess.run(
        [*MINIMQ, *arguments],
        input=given,
        capture_output=True,
        timeout=RUN_S_MAX,
        env=environment(broker, **(environ or {})),
        cwd=directory,
        check=False,
    )
    ran = Ran(done.returncode, done.stdout.decode(), done.stderr.decode(), time.monotonic() - begun)
    assert "Traceback" not in ran.err, ran.err
    return ran


def shell(command: str, broker: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run a line of shell, in which ``minimq`` is ours."""
    function = f'minimq() {{ {sys.executable} -m mq.cli "$@"; }}; {command}'
    return subprocess.run(
        ["/bin/sh", "-c", function],
        env=environment(broker),
        capture_output=True,
        text=True,
        timeout=RUN_S_MAX,
        check=False,
    )


def logged(text: str) -> list[dict[str, Any]]:
    """Return the log lines among others, as what they say."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


class Running:
    """A program in the background; its output goes to files, to be looked at while it runs."""

    def __init__(
        self, directory: Path, arguments: Sequence[str], environ: Mapping[str, str], *, stdin: int = subprocess.DEVNULL
    ) -> None:
        self._out, self._err = directory / "out", directory / "err"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                arguments, stdin=stdin, stdout=out, stderr=err, env=dict(environ), cwd=directory
            )

    @property
    def out(self) -> str:
        """What it has printed so far."""
        return self._out.read_text()

    @property
    def err(self) -> str:
        """What it has complained of so far."""
        return self._err.read_text()

    @property
    def events(self) -> list[str]:
        """What it has logged itself so far."""
        return [line["event"] for line in logged(self.err) if line["logger"] == "minimq.up"]

    def end(self, number: signal.Signals = signal.SIGINT, seconds: float = 20.0) -> int:
        """Send a signal and return the exit code; no end may come with a traceback."""
        self.process.send_signal(number)
        return self.ended(seconds)

    def ended(self, seconds: float = 20.0) -> int:
        """Return the exit code, once it is there."""
        code = self.process.wait(seconds)
        assert "Traceback" not in self.err, self.err
        return code


@contextmanager
def running(
    directory: Path, *arguments: str, broker: str | None = None, stdin: int = subprocess.DEVNULL
) -> Iterator[Running]:
    """Run ``minimq`` in the background, for as long as the block lasts."""
    directory.mkdir(exist_ok=True)
    run = Running(directory, [*MINIMQ, *arguments], environment(broker), stdin=stdin)
    try:
        yield run
    finally:
        run.process.kill()
        run.process.wait()
        if run.process.stdin is not None:
            with suppress(BrokenPipeError):
                run.process.stdin.close()


@contextmanager
def serving(directory: Path) -> Iterator[BrokerProcess]:
    """Run a broker for many tests, each with topics of its own."""
    broker = BrokerProcess(directory / "data")
    try:
        yield broker
    finally:
        broker.kill()


@contextmanager
def nobody() -> Iterator[str]:
    """Yield an endpoint that is nobody's for now: bound, and never listened on."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield f"tcp://127.0.0.1:{reserved.getsockname()[1]}"


@contextmanager
def taken_port() -> Iterator[int]:
    """Yield a port that another program listens on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def free_ports(count: int) -> list[int]:
    """Return ports that are free now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def store(broker: BrokerProcess, topic: str, *bodies: bytes) -> None:
    """Store records, each in a frame of its own."""
    with mq.Producer(broker.control, "written") as producer:
        for body in bodies:
            producer.send(topic, body).result(20)


def stored(broker: BrokerProcess, topic: str) -> list[mq.Message]:
    """Return a topic's records."""
    with mq.replay(broker.control, topic) as records:
        return list(records)
