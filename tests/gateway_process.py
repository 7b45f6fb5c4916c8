"""A real gateway in a process of its own, and a plain client for it."""

from __future__ import annotations

import http.client
import json
import os
import select
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

READY_S_MAX = 30.0
END_S_MAX = 20.0
ANSWER_S_MAX = 30.0
NDJSON = {"Content-Type": "application/x-ndjson"}
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)

    @property
    def problem(self) -> str:
        """The kind of problem that it is, checked to be one as RFC 9457 has it."""
        assert self.headers["Content-Type"] == "application/problem+json"
        found = self.json
        assert found["status"] == self.status
        assert found["title"]
        assert found["detail"]
        kind: str = found["type"].removeprefix("/docs#")
        return kind


class GatewayProcess:
    """Started by its making; `stop` is SIGTERM, `kill` is SIGKILL, `restart` takes the same port again."""

    def __init__(self, directory: Path, broker: str, *options: str, **limits: str) -> None:
        self.log = directory / "gateway.log"
        self.broker, self._options = broker, options
        self._limits = {f"MINIMQ_GATEWAY_{name.upper()}": value for name, value in limits.items()}
        self.port = 0
        self.start()

    def start(self) -> None:
        """Start, and wait until it serves."""
        command = ["gateway", "--broker", self.broker, "--port", str(self.port), *self._options]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "error", "-m", "mq.cli", *command],
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **self._limits},
            )
        assert self.process.stdout is not None
        assert select.select([self.process.stdout], [], [], READY_S_MAX)[0], "the gateway does not get ready"
        line = self.process.stdout.readline().decode()
        assert line.startswith("ready gateway=http://"), f"the gateway said {line!r}: {self.log.read_text()}"
        self.url = line.strip().partition("=")[2]
        self.port = urlsplit(self.url).port or 0

    def ask(
        self, method: str, target: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Ask once, over a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_S_MAX)
        try:
            connection.request(method, target, body, dict(headers or {}))
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def get(self, path: str, **query: Any) -> Answer:
        """Ask for something, the query percent-encoded."""
        return self.ask("GET", f"{path}?{urlencode(query, quote_via=quote)}" if query else path)

    def produce(self, topic: Any, message: Any) -> Answer:
        """Produce as a producer of old does."""
        return self.ask("POST", "/produce", json.dumps({"topic": topic, "message": message}).encode(), JSON)

    def consume(self, topic: str, consumer: str) -> Answer:
        """Consume as the page of old does."""
        return self.get("/consume", topic=topic, consumer_id=consumer)

    def publish(self, topic: str, body: bytes, headers: Mapping[str, str] = JSON, query: str = "") -> Answer:
        """Publish by the new API."""
        return self.ask("POST", f"/v1/topics/{topic}/records{query}", body, headers)

    @contextmanager
    def raw(self, sent: bytes = b"") -> Iterator[socket.socket]:
        """Give a connection, on which this was sent."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=ANSWER_S_MAX) as connection:
            connection.sendall(sent)
            yield connection

    def signal(self, number: Signals) -> None:
        """Send any signal."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """End it as a crash would."""
        self._end(SIGKILL)

    def stop(self) -> int:
        """End it as an operator would, and return its exit code."""
        return self._end(SIGTERM)

    def restart(self) -> None:
        """Start again on the same port."""
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


def read_all(connection: socket.socket) -> bytes:
    """Return all that comes until the other end closes, or cuts."""
    parts = []
    try:
        while part := connection.recv(65_536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)
