"""The broker's HTTP side, for those who watch it: /healthz, /readyz and /metrics.

/metrics is in the Prometheus text format (https://prometheus.io/docs/instrumenting/exposition_formats/).
"""

from __future__ import annotations

import errno
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import waitress.server
from prometheus_client import CollectorRegistry, ProcessCollector, make_wsgi_app
from prometheus_client.registry import Collector

from mq.broker.room import Room
from mq.broker.sockets import refuse_port
from mq.errors import BadEndpoint, PortTaken
from mq.journal.interface import Journal

CONNECTIONS_MAX = 512
IDLE_S = 5
IDLE_LOOKED_FOR_EVERY_S = 2
SWITCH_S = 0.0001
_ENDPOINT = re.compile(r"(?:tcp|http)://(\[[0-9a-fA-F:]+\]|[^:/]+):(\d{1,5}|\*)/?")

StartResponse = Callable[[str, list[tuple[str, str]]], object]


class Ops:
    """A small WSGI server on a thread of its own. Raises `PortTaken`, `BadEndpoint`."""

    def __init__(self, endpoint: str, journal: Journal, room: Room, metrics: Collector) -> None:
        found = _ENDPOINT.fullmatch(endpoint)
        if found is None:
            raise BadEndpoint(f"--ops {endpoint}: use tcp://ADDRESS:PORT, with * as the port to have one picked")
        refuse_port(endpoint, "--ops")
        self._journal = journal
        self._room = room
        registry = CollectorRegistry()
        registry.register(metrics)
        ProcessCollector(registry=registry)
        self._metrics = make_wsgi_app(registry)
        host = found[1].strip("[]").replace("*", "0.0.0.0")
        port = 0 if found[2] == "*" else int(found[2])
        try:
            self._server = waitress.server.create_server(
                self._respond,
                host=host,
                port=port,
                threads=1,
                connection_limit=CONNECTIONS_MAX,
                channel_timeout=IDLE_S,
                asyncore_use_poll=True,
                cleanup_interval=IDLE_LOOKED_FOR_EVERY_S,
                clear_untrusted_proxy_headers=True,
                ident="minimq",
            )
        except ValueError:  # so waitress says that the address means nothing
            raise BadEndpoint(f"--ops {endpoint}: there is no such address") from None
        except OSError as error:
            raise _translated(error, endpoint) from None
        self.endpoint = f"http://{found[1]}:{self._server.effective_port}"
        self.port = int(self._server.effective_port)
        self._thread = Thread(target=self._server.run, name="ops", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering."""
        self._server.close()

    def _respond(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO")
        if path == "/metrics":
            with yielding():
                body: Iterable[bytes] = self._metrics(environ, start_response)
            return body
        if path == "/healthz":
            return _json(start_response, "200 OK", {"status": "alive"})
        if path == "/readyz":
            if self._journal.failure is None:
                low = {"disk": self._room.why} if self._room.low else {}
                return _json(start_response, "200 OK", {"status": "ready", **low})
            return _json(start_response, "503 Service Unavailable", {"status": "failed", "why": self._journal.failure})
        return _json(start_response, "404 Not Found", {"paths": ["/healthz", "/readyz", "/metrics"]})


@contextmanager
def yielding() -> Iterator[None]:
    """Hand the interpreter to threads that wait for it sooner than usual, for as long as a long computation lasts.

    Else each system call of the threads that do the broker's work could last five milliseconds more.
    """
    usual = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


def _json(start_response: StartResponse, status: str, it: dict[str, Any]) -> list[bytes]:
    body = json.dumps(it).encode() + b"\n"
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def _translated(error: OSError, endpoint: str) -> Exception:
    if error.errno == errno.EADDRINUSE:
        return PortTaken(endpoint, "--ops")
    return BadEndpoint(f"--ops {endpoint}: {error.strerror}")
