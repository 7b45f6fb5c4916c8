"""A real Prometheus on loopback, for as long as a block lasts."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Prometheus:
    """Asked over its HTTP API (https://prometheus.io/docs/prometheus/latest/querying/api/)."""

    def __init__(self, url: str) -> None:
        self._url = url

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return what an expression comes to now: a map of labels, and a number, each."""
        rows: list[dict[str, Any]] = self._ask("query", query=expression)["result"]
        return rows

    def number(self, expression: str) -> float | None:
        """Return the only number that an expression comes to, None when there is none."""
        rows = self.query(expression)
        return float(rows[0]["value"][1]) if len(rows) == 1 else None

    def targets(self) -> list[dict[str, Any]]:
        """Return what it scrapes, and how that goes."""
        rows: list[dict[str, Any]] = self._ask("targets")["activeTargets"]
        return rows

    def is_ready(self) -> bool:
        """Whether it answers."""
        try:
            with urllib.request.urlopen(f"{self._url}/-/ready", timeout=5) as answer:  # noqa: S310 - our own
                return bool(answer.status == 200)
        except OSError:
            return False

    def _ask(self, what: str, **fields: str) -> Any:
        query = urllib.parse.urlencode(fields)
        with urllib.request.urlopen(f"{self._url}/api/v1/{what}?{query}", timeout=20) as answer:  # noqa: S310 - our own
            reply = json.load(answer)
        assert reply["status"] == "success", reply
        return reply["data"]


@contextmanager
def prometheus(directory: Path, configuration: Path) -> Iterator[Prometheus]:
    """Run one, with its data in a directory; its log is there too."""
    program = shutil.which("prometheus")
    assert program, "prometheus is missing: scripts/debian.sh installs it"
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{reserved.getsockname()[1]}"
    options = {
        "config.file": configuration,
        "storage.tsdb.path": directory / "tsdb",
        "web.listen-address": address,
    }
    with (directory / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [program, *(f"--{name}={it}" for name, it in options.items())], stdout=log, stderr=log
        )
    try:
        yield Prometheus(f"http://{address}")
    finally:
        process.kill()
        process.wait()
