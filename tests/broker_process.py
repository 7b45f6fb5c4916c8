"""A real broker in a process of its own, with restart as a verb. `tests/conftest.py` makes fixtures of it."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals

READY_S_MAX = 30.0
END_S_MAX = 30.0
NAMES = ("ingest", "live", "control", "ops")


class BrokerProcess:
    """Started by its making; `stop` is SIGTERM, `kill` is SIGKILL, `restart` takes the same data and ports again.

    It tells no figures by itself, so that what is in the journal is what a test has put there.

    Its command can begin with that of another program, which becomes it: that is how it runs on another network.
    """

    def __init__(
        self, data: Path, settings: dict[str, str] | None = None, host: str = "127.0.0.1", within: Sequence[str] = ()
    ) -> None:
        self.data = data
        self.settings = settings or {}
        self.endpoints = dict.fromkeys(NAMES, f"tcp://{host}:*")
        self._within = within
        self.log = data.with_name(f"{data.name}.log")
        self.log.touch()
        os.utime(data.parent, (0, 0))  # nothing was wiped here just now, so the broker need not wait a second out
        self.start()

    def start(self) -> None:
        """Start, and wait until it serves."""
        arguments = [f"--{name}={endpoint}" for name, endpoint in self.endpoints.items()]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self._within, sys.executable, "-m", "mq.cli", "broker", "--data", str(self.data), *arguments],
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, "MINIMQ_STATS_INTERVAL_S": "0", **self.settings},
            )
        assert self.process.stdout is not None
        assert select.select([self.process.stdout], [], [], READY_S_MAX)[0], "the broker does not get ready"
        line = self.process.stdout.readline().decode()
        assert line.startswith("ready "), f"the broker said {line!r}; its log: {self.log.read_text()}"
        self.endpoints = dict(part.split("=", 1) for part in line.split()[1:])

    @property
    def ingest(self) -> str:
        """Where PUSH sockets connect."""
        return self.endpoints["ingest"]

    @property
    def live(self) -> str:
        """Where SUB sockets connect."""
        return self.endpoints["live"]

    @property
    def control(self) -> str:
        """Where DEALER sockets connect."""
        return self.endpoints["control"]

    @property
    def ops(self) -> str:
        """Where HTTP is answered."""
        return self.endpoints["ops"]

    def signal(self, number: Signals) -> None:
        """Send any signal: SIGSTOP for a broker that hangs."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """End it as a crash would."""
        self._end(SIGKILL)

    def stop(self) -> int:
        """End it as an operator would, and return its exit code."""
        return self._end(SIGTERM)

    def restart(self) -> None:
        """Start again on the same data and ports."""
        if self.process.poll() is None:
            self.stop()
        self.start()

    def _end(self, number: Signals) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(END_S_MAX)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code
