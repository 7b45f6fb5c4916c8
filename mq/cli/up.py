"""``minimq up``."""

from __future__ import annotations

import http
import http.client
import os
import signal
import subprocess
import sys
from typing import Annotated, Any

import typer

from mq.cli import options
from mq.cli.children import Children
from mq.cli.output import abandon_output

HOST = "127.0.0.1"
LOOK_EVERY_S = 0.1
ANSWER_S_MAX = 2.0
PYTHON = (sys.executable, "-P", "-m")  # -P: nothing that lies about where we were started is taken for a module


def _port(purpose: str) -> Any:
    return typer.Option(min=1, max=65535, metavar="PORT", help=purpose)


def up(
    data: options.Data = options.DATA,
    port: Annotated[int, _port("Of the page.")] = 8080,
    ingest: Annotated[int, _port("Takes pushed frames.")] = 5555,
    live: Annotated[int, _port("Sends frames to subscribers.")] = 5556,
    control: Annotated[int, _port("Answers requests.")] = 5557,
    ops: Annotated[int, _port("Health and metrics, over HTTP.")] = 5558,
) -> None:
    """Run everything for this machine, on loopback: broker, collector and viewer. Ctrl-C ends all of it.

    \b
    minimq up
    minimq up --data /var/lib/minimq --port 8081

    The journal is kept in ./data, or where --data says; the page's address is printed when it is there.
    """
    from mq.cli.ports import refuse_taken

    ports = {"--ingest": ingest, "--live": live, "--control": control, "--ops": ops, "--port": port}
    _refuse_twice(ports)
    for option, number in ports.items():
        refuse_taken(HOST, number, option)
    with Children() as children:
        code = _run(children, data, ports)
    raise typer.Exit(code)


def _refuse_twice(ports: dict[str, int]) -> None:
    seen: dict[int, str] = {}
    for option, number in ports.items():
        if number in seen:
            raise typer.BadParameter(f"port {number} is given twice, to {seen[number]} and to {option}")
        seen[number] = option


def _run(children: Children, data: str, ports: dict[str, int]) -> int:
    """Start the children one after another, then stay until a signal or a child's end."""
    number = _start(children, data, ports)
    if number is None:
        _say(f"\n  MiniMQ is up: http://localhost:{ports['--port']}/    (Ctrl-C ends it)\n")
        number = children.wait()
    if number is signal.SIGCHLD:
        _say(_obituary(children), err=True)
        return 1
    _say("minimq: ending", err=True)
    return 0


def _start(children: Children, data: str, ports: dict[str, int]) -> signal.Signals | None:
    """Return None once all is there, or the signal that came before."""
    from mq.cli.view import panel_command

    viewer = panel_command(HOST, ports["--port"])
    control = f"tcp://{HOST}:{ports['--control']}"
    environ = {**os.environ, "MINIMQ_BROKER": control}
    listen = [f"{name}=tcp://{HOST}:{number}" for name, number in ports.items() if name != "--port"]
    children.start("broker", [*PYTHON, "mq.cli", "broker", "--data", data, *listen], environ, subprocess.PIPE)
    number = children.wait_until(lambda: children.has_spoken("broker"), LOOK_EVERY_S)
    if number is not None:
        return number
    children.start("collector", [*PYTHON, "collectors", "--broker", control], environ)
    children.start("viewer", viewer, environ)
    return children.wait_until(lambda: _answers(ports["--port"]), LOOK_EVERY_S)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=ANSWER_S_MAX)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status < http.HTTPStatus.INTERNAL_SERVER_ERROR
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _obituary(children: Children) -> str:
    name, code = children.ended() or ("a child", 0)
    how = f"ended with exit code {code}" if code >= 0 else f"was ended by {signal.Signals(-code).name}"
    return f"minimq: the {name} {how}: everything else is ended too"


def _say(text: str, *, err: bool = False) -> None:
    """Print. Nobody there to read it is no reason to end."""
    try:
        typer.echo(text, err=err)
    except OSError:
        abandon_output()
