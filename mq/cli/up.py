"""``minimq up``."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
from typing import Annotated, Any

import typer

from mq.cli import options
from mq.cli.children import Children

HOST = "127.0.0.1"
START_S_MAX = 60.0
LOOK_EVERY_S = 0.2


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
    from mq.cli.view import panel_command

    control = f"tcp://{HOST}:{ports['--control']}"
    environ = {**os.environ, "MINIMQ_BROKER": control}
    me = [sys.executable, "-m", "mq.cli"]
    listen = [f"{name}=tcp://{HOST}:{number}" for name, number in ports.items() if name != "--port"]
    children.start("broker", [*me, "broker", "--data", data, *listen], environ, subprocess.PIPE)
    if children.first_line("broker", START_S_MAX) is None:
        return _report_end(children, "the broker did not start")
    children.start("collector", [sys.executable, "-m", "collectors", "--broker", control], environ)
    children.start("viewer", panel_command(HOST, ports["--port"]), environ)
    number = _wait_for_page(children, ports["--port"])
    if number is None:
        typer.echo(f"\n  MiniMQ is up: http://localhost:{ports['--port']}/    (Ctrl-C ends it)\n")
        number = _stay(children)
    if number is signal.SIGCHLD:
        return _report_end(children, "everything else is stopped")
    typer.echo("stopping", err=True)
    return 0


def _wait_for_page(children: Children, port: int) -> int | None:
    """Return None once the page is served, or the signal that came before."""
    while not _answers(port):
        number = children.wait(LOOK_EVERY_S)
        if number is not None and (number is not signal.SIGCHLD or children.ended()):
            return number
    return None


def _stay(children: Children) -> int | None:
    """Return the signal that ends everything."""
    while True:
        number = children.wait()
        if number is not signal.SIGCHLD or children.ended():
            return number


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=LOOK_EVERY_S * 10)
    try:
        connection.request("GET", "/")
        connection.getresponse()
    except OSError:
        return False
    finally:
        connection.close()
    return True


def _report_end(children: Children, consequence: str) -> int:
    name, code = children.ended() or ("a child", 0)
    typer.echo(f"minimq: {name} ended with exit code {code}: {consequence}", err=True)
    return 1
