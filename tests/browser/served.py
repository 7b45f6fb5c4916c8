"""A viewer as people start it, `panel serve viewer` in a process of its own, and how a quiet browser is started."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).parents[2]
START_S_MAX = 60
CHROMIUM_ARGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


class Viewer:
    """`panel serve viewer` in a process of its own."""

    def __init__(self, control: str, **environ: str) -> None:
        self._environ = {**os.environ, "MINIMQ_BROKER": control, **environ}
        self._port = "0"
        self.url = ""
        self.process = self._start()

    def _start(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "panel", "serve", "viewer", "--port", self._port],
            cwd=ROOT,
            env=self._environ,
            stderr=subprocess.PIPE,
            text=True,
        )
        served = threading.Event()
        self._reader = threading.Thread(target=self._read, args=(process, served))
        self._reader.start()
        assert served.wait(START_S_MAX), "the viewer did not start"
        return process

    def _read(self, process: subprocess.Popen[str], served: threading.Event) -> None:
        """Wait for the address, and keep the pipe empty afterwards."""
        assert process.stderr is not None
        for line in process.stderr:
            if found := re.search(r"http://localhost:(\d+)/viewer", line):
                self.url, self._port = found[0], found[1]
                served.set()

    def stop(self) -> None:
        """End it as a supervisor would; it must not need more."""
        self.process.terminate()
        self.process.wait(START_S_MAX)
        self._reader.join(START_S_MAX)
        assert self.process.stderr is not None
        self.process.stderr.close()

    def start_again(self) -> None:
        """Serve at the same address as before."""
        self.process = self._start()
