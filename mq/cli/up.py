"""``minimq up``."""

from __future__ import annotations

import http
import http.client
import logging
import os
import signal
import subprocess
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from mq.cli import options
from mq.cli.children import Children
from mq.cli.parts import (
    BROKER,
    CHOICES,
    COLLECTOR,
    GATEWAY,
    GATEWAY_PORT,
    HOST,
    VIEWER,
    VIEWER_PORT,
    parse_only,
    ports_of,
    programs_for,
    refuse_collector,
    refuse_gateway,
)
from mq.cli.saying import say
from mq.cli.supervision import Program, how_it_ended, supervise
from mq.errors import MqError

LOOK_EVERY_S = 0.1
ANSWER_S_MAX = 2.0

log = logging.getLogger("minimq.up")


def _port(purpose: str) -> Any:
    return typer.Option(min=1, max=65535, metavar="PORT", help=purpose)


def up(  # noqa: PLR0913, PLR0917 - each is an option, and typer takes them so
    context: typer.Context,
    data: options.Data = options.DATA,
    only: Annotated[
        str, typer.Option("--only", metavar="NAMES", help="Which to run, with commas in between.")
    ] = ",".join(CHOICES),
    broker: options.Broker = options.BROKER,
    port: Annotated[int, _port("Of the page.")] = 8080,
    gateway: Annotated[int, _port("Answers over HTTP, and the earlier MiniMQ's clients.")] = 5000,
    ingest: Annotated[int, _port("Takes pushed frames.")] = 5555,
    live: Annotated[int, _port("Sends frames to subscribers.")] = 5556,
    control: Annotated[int, _port("Answers requests.")] = 5557,
    ops: Annotated[int, _port("Health and metrics, over HTTP.")] = 5558,
) -> None:
    """Run everything for this machine, on loopback: broker, gateway, collectors, viewer. Ctrl-C ends all of it.

    \b
    minimq up
    minimq up --data /var/lib/minimq --port 8081
    minimq up --only broker,viewer
    minimq up --only collectors,viewer --broker tcp://broker.example:5557

    The journal is kept in ./data, or where --data says; the page's address is printed when it is there. What cannot
    start ends all of it. What dies later is started again, after half a second, then after ever longer, at most 30 s.

    With --only a part can be left out. Without the broker the others go to --broker; with it, to the one that is run.
    --port is the page's port, --gateway that of HTTP, the four below them are the broker's.
    """
    from mq.cli import logs
    from mq.cli.ports import refuse_taken
    from mq.client.endpoint import parse_endpoint

    logs.configure(os.environ, watched=False)
    parts = parse_only(only)
    over_http = {VIEWER_PORT: port, GATEWAY_PORT: gateway}
    wanted = {"--ingest": ingest, "--live": live, "--control": control, "--ops": ops, **over_http}
    ports = ports_of(parts, wanted)
    _refuse_twice(ports)
    if BROKER in parts:
        _refuse_another_broker(context)
        broker = f"tcp://{HOST}:{control}"
    parse_endpoint(broker)
    if GATEWAY in parts:
        refuse_gateway()
    if COLLECTOR in parts:
        refuse_collector(broker)
    programs = programs_for(parts, data, broker, wanted)
    for option, number in ports.items():
        refuse_taken(HOST, number, option)
    with Children() as children:
        code = _run(children, programs, broker, port)
    raise typer.Exit(code)


def _refuse_twice(ports: Mapping[str, int]) -> None:
    seen: dict[int, str] = {}
    for option, number in ports.items():
        if number in seen:
            raise typer.BadParameter(f"port {number} is given twice, to {seen[number]} and to {option}")
        seen[number] = option


def _refuse_another_broker(context: typer.Context) -> None:
    """Refuse an option that could not be followed. A variable of the environment says it to all commands alike."""
    source = context.get_parameter_source("broker")
    if source is not None and source.name == "COMMANDLINE":
        raise typer.BadParameter("a broker is run here too: leave it out with --only", param_hint="'--broker'")


def _run(children: Children, programs: Mapping[str, Program], broker: str, port: int) -> int:
    """Start the children one after another, then keep them running until a signal."""
    number = _start(children, programs, port)
    if number is signal.SIGCHLD:
        log.error("%s", _obituary(children))
        return 1
    if number is None:
        say(f"\n  MiniMQ is up: {_where(programs, broker, port)}    (Ctrl-C ends it)\n")
        supervise(children, programs)
    log.info("ending")
    return 0


def _start(children: Children, programs: Mapping[str, Program], port: int) -> signal.Signals | None:
    """Return None once all is there, or the signal that came before."""
    for name, program in programs.items():
        number = _start_one(children, name, program)
        if number is not None:
            return number
    return children.wait_until(lambda: VIEWER not in programs or _answers(port), LOOK_EVERY_S)


def _start_one(children: Children, name: str, program: Program) -> signal.Signals | None:
    children.start(name, program.command, program.environ, subprocess.PIPE if program.speaks else None)
    return children.wait_until(lambda: not program.speaks or children.has_spoken(name), LOOK_EVERY_S)


def _answers(port: int) -> bool:
    """Whether the page is there. Raises `MqError` when it is, and does not work: asking again would not help."""
    connection = http.client.HTTPConnection(HOST, port, timeout=ANSWER_S_MAX)
    try:
        connection.request("GET", "/")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    if status >= http.HTTPStatus.INTERNAL_SERVER_ERROR:
        raise MqError(f"the page at http://localhost:{port}/ answers with error {status}, what stands above says why")
    return True


def _obituary(children: Children) -> str:
    name, code = next(iter(children.ended().items()))
    return f"the {name} {how_it_ended(code)}: everything else is ended too"


def _where(programs: Mapping[str, Program], broker: str, port: int) -> str:
    """Return what to look at first of what is run."""
    if VIEWER in programs:
        return f"http://localhost:{port}/"
    if BROKER in programs:
        return f"broker at {broker}"
    return f"{'gateway' if GATEWAY in programs else 'collectors'} for the broker at {broker}"
