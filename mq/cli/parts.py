"""What ``minimq up`` is made of, which of it was chosen, and what each part runs."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Collection, Mapping

import typer

from mq.cli.supervision import Program

BROKER, COLLECTOR, VIEWER = "broker", "collector", "viewer"
BROKER_PORTS = ("--ingest", "--live", "--control", "--ops")
VIEWER_PORT = "--port"
HOST = "127.0.0.1"
CHOICES = ("broker", "collectors", "viewer")
PYTHON = (sys.executable, "-P", "-m")  # -P: nothing that lies about where we were started is taken for a module
_MEANT = {"broker": BROKER, "collectors": COLLECTOR, "collector": COLLECTOR, "viewer": VIEWER}


def parse_only(names: str) -> tuple[str, ...]:
    """Return the parts that were named, in the order in which they are started."""
    named = [name.strip() for name in names.split(",")]
    for name in named:
        if name not in _MEANT:
            raise typer.BadParameter(f"{name!r} is none of {', '.join(CHOICES)}", param_hint="'--only'")
    return tuple(dict.fromkeys(part for name, part in _MEANT.items() if name in named))


def ports_of(parts: Collection[str], ports: Mapping[str, int]) -> dict[str, int]:
    """Return those ports that something is to listen on, by their options."""
    mine = (*(BROKER_PORTS if BROKER in parts else ()), *([VIEWER_PORT] if VIEWER in parts else ()))
    return {option: ports[option] for option in mine}


def programs_for(parts: Collection[str], data: str, broker: str, ports: Mapping[str, int]) -> dict[str, Program]:
    """Return what is to be run, in order; `broker` is the one that the others go to."""
    environ = {**os.environ, "MINIMQ_BROKER": broker}
    listen = [f"{option}=tcp://{HOST}:{ports[option]}" for option in BROKER_PORTS]
    programs = {
        BROKER: lambda: Program([*PYTHON, "mq.cli", "broker", "--data", data, *listen], environ, speaks=True),
        COLLECTOR: lambda: Program([*PYTHON, "collectors", "--broker", broker], environ),
        VIEWER: lambda: _viewer(ports[VIEWER_PORT], environ),
    }
    return {part: programs[part]() for part in parts}


def refuse_collector(broker: str) -> None:
    """Raise for what a collector would stumble over: it has no way of saying that it is up."""
    from collectors.settings import Given, read_settings

    if importlib.util.find_spec("psutil") is None:
        raise ModuleNotFoundError(name="psutil")
    read_settings(Given(broker=broker), os.environ)


def _viewer(port: int, environ: Mapping[str, str]) -> Program:
    from mq.cli.view import page_environ, panel_command

    return Program(panel_command(HOST, port), {**environ, **page_environ(HOST, port)})
