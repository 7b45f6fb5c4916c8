"""``minimq broker``."""

from __future__ import annotations

import logging
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mq.cli import options

if TYPE_CHECKING:
    from mq.broker.server import Server

LOG_FORMAT = "%(asctime)s %(levelname)s %(message)s"
Endpoint = typer.Option(metavar="ENDPOINT", help="tcp://ADDRESS:PORT; * as the port picks one.")


def broker(
    data: options.Data = options.DATA,
    ingest: Annotated[str, Endpoint] = "tcp://127.0.0.1:5555",
    live: Annotated[str, Endpoint] = "tcp://127.0.0.1:5556",
    control: Annotated[str, Endpoint] = "tcp://127.0.0.1:5557",
    ops: Annotated[str, Endpoint] = "tcp://127.0.0.1:5558",
    advertise: Annotated[
        str | None, typer.Option(metavar="HOST", help="Tell clients to reach the ports on this host.")
    ] = None,
) -> None:
    """Run a broker: take frames in, journal them, send them out.

    When it serves, it prints one line that starts with "ready" and names the endpoints. Ctrl-C or SIGTERM ends it
    cleanly. Limits are settings: see docs/settings.md.
    """
    from mq import config
    from mq.broker.server import Server
    from mq.broker.sockets import Endpoints
    from mq.journal.file_journal import FileJournal

    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT)
    limits = config.load(os.environ, Path.cwd())
    _raise_file_limit()
    journal = FileJournal(data, limits)
    try:
        server = Server(journal, limits, Endpoints(ingest, live, control, ops), advertise)
        server.startup()
        with _stopped_by_signals(server):
            typer.echo("ready " + " ".join(f"{name}={endpoint}" for name, endpoint in server.endpoints.items()))
            server.main_loop()
        server.shutdown()
    finally:
        journal.close()
    if journal.failure:
        raise typer.Exit(1)


@contextmanager
def _stopped_by_signals(server: Server) -> Iterator[None]:
    """Let SIGINT and SIGTERM stop the server, and give the signals back afterwards."""
    before = {number: signal.signal(number, lambda *_: server.stop()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _raise_file_limit() -> None:
    """Ask for as many open files as this process may have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
