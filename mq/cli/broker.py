"""``minimq broker``."""

from __future__ import annotations

import logging
import os
import resource
import signal
from collections.abc import Mapping
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mq.cli import options
from mq.cli.output import abandon_output

if TYPE_CHECKING:
    from mq.broker.server import Server

log = logging.getLogger("minimq")

ENDING = (signal.SIGINT, signal.SIGTERM)


def _endpoint(purpose: str) -> Any:
    return typer.Option(metavar="ENDPOINT", help=purpose)


def broker(
    data: options.Data = options.DATA,
    ingest: Annotated[str, _endpoint("Takes pushed frames. tcp://ADDRESS:PORT; * as the port picks one.")] = (
        "tcp://127.0.0.1:5555"
    ),
    live: Annotated[str, _endpoint("Sends frames to subscribers.")] = "tcp://127.0.0.1:5556",
    control: Annotated[str, _endpoint("Answers requests.")] = "tcp://127.0.0.1:5557",
    ops: Annotated[str, _endpoint("Health and metrics, over HTTP.")] = "tcp://127.0.0.1:5558",
    advertise: Annotated[
        str | None, typer.Option(metavar="HOST", help="Tell clients to reach the ports on this host.")
    ] = None,
) -> None:
    """Run a broker: take frames in, journal them, send them out.

    \b
    minimq broker --data /var/lib/minimq --ingest 'tcp://*:5555' --live 'tcp://*:5556' --control 'tcp://*:5557'

    When it serves, it prints one line that starts with "ready" and names the endpoints. Ctrl-C or SIGTERM ends it
    cleanly. Limits are settings, in minimq.toml or as MINIMQ_...: see docs/settings.md.
    """
    from mq import config
    from mq.broker.server import Server
    from mq.broker.sockets import Endpoints
    from mq.cli import logs
    from mq.cli.volume import refuse_without_volume
    from mq.journal.file_journal import FileJournal

    logs.configure(os.environ)
    limits = config.load(os.environ, Path.cwd())
    refuse_without_volume(data, os.environ)
    _raise_file_limit()
    journal = FileJournal(data, limits)
    try:
        _serve(Server(journal, limits, Endpoints(ingest, live, control, ops), advertise))
    finally:
        journal.close()
    if journal.failure:
        raise typer.Exit(1)


def _serve(server: Server) -> None:
    """Serve until a signal. A thread waits for it: a handler would run only after a poll that may never end."""
    from mq.health.note import Note, from_here, leave

    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)  # in the threads too that are started from here on
    server.startup()
    Thread(target=_stop_at_a_signal, args=(server,), name="signals", daemon=True).start()
    _say_ready(server.endpoints)
    leave(Note(from_here(server.endpoints["ops"] + "/readyz")), os.environ)
    server.main_loop()
    server.shutdown()


def _stop_at_a_signal(server: Server) -> None:
    signal.sigwait(ENDING)
    server.stop()


def _say_ready(endpoints: Mapping[str, str]) -> None:
    """Print the line that others wait for. Whoever does not listen for it is no reason to stop."""
    try:
        typer.echo("ready " + " ".join(f"{name}={endpoint}" for name, endpoint in endpoints.items()))
    except OSError as error:
        abandon_output()
        log.warning("the line that says ready could not be written: %s", error.strerror)


def _raise_file_limit() -> None:
    """Ask for as many open files as this process may have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
