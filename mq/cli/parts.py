"""What ``minimq up`` is made of, which of it was chosen, and what each part runs."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Collection, Mapping

import typer

from mq.cli.supervision import Program

BROKER, GATEWAY, COLLECTOR, VIEWER = "broker", "gateway", "collector", "viewer"
BROKER_PORTS = ("--ingest", "--live", "--control", "--ops")
VIEWER_PORT, GATEWAY_PORT = "--port", "--gateway"
HOST = "127.0.0.1"
CHOICES = ("broker", "gateway", "collectors", "viewer")
PYTHON = (sys.executable, "-P", "-m")  # -P: nothing that lies about where we were started is taken for a module
_MEANT = {"broker": BROKER, "gateway": GATEWAY, "collectors": COLLECTOR, "collector": COLLECTOR, "viewer": VIEWER}


def parse_only(names: str) -> tuple[str, ...]:
    """Return the parts that were named, in the order in which they are started."""
    named = [name.strip() for name in names.split(",")]
    for name in named:
        if name not in _MEANT:
            raise typer.BadParameter(f"{name!r} is none of {', '.join(CHOICES)}", param_hint="'--only'")
    return tuple(dict.fromkeys(part for name, part in _MEANT.items() if name in named))


def ports_of(parts: Collection[str], ports: Mapping[str, int]) -> dict[str, int]:
    """Return those ports that something is to listen on, by their options."""
    listened_on = {BROKER: BROKER_PORTS, GATEWAY: (GATEWAY_PORT,), VIEWER: (VIEWER_PORT,)}
    return {option: ports[option] for part in parts for option in listened_on.get(part, ())}


def programs_for(parts: Collection[str], data: str, broker: str, ports: Mapping[str, int]) -> dict[str, Program]:
    """Return what is to be run, in order; `broker` is the one that the others go to."""
    environ = {**os.environ, "MINIMQ_BROKER": broker}
    listen = [f"{option}=tcp://{HOST}:{ports[option]}" for option in BROKER_PORTS]
    programs = {
        BROKER: lambda: Program([*PYTHON, "mq.cli", "broker", "--data", data, *listen], environ, speaks=True),
        GATEWAY: lambda: _gateway(ports[GATEWAY_PORT], environ),
        COLLECTOR: lambda: Program([*PYTHON, "collectors", "--broker", broker], environ),
        VIEWER: lambda: _viewer(ports[VIEWER_PORT], environ),
    }
    return {part: programs[part]() for part in parts}


def refuse_gateway() -> None:
    """Raise for what a gateway would stumble over before it could say so in a line."""
    from mq.gateway.limits import load

    for name in ("starlette", "uvicorn", "httptools", "wsproto"):
        if importlib.util.find_spec(name) is None:
            raise ModuleNotFoundError(name=name)
    load(os.environ)


def refuse_collector(broker: str) -> None:
    """Raise for what a collector would stumble over: it has no way of saying that it is up."""
    from collectors.settings import Given, read_settings

    if importlib.util.find_spec("psutil") is None:
        raise ModuleNotFoundError(name="psutil")
    read_settings(Given(broker=broker), os.environ)


def _gateway(port: int, environ: Mapping[str, str]) -> Program:
    return Program([*PYTHON, "mq.cli", "gateway", "--address", HOST, "--port", str(port)], environ, speaks=True)


def _viewer(port: int, environ: Mapping[str, str]) -> Program:
    from mq.cli.view import page_environ, panel_command

    return Program(panel_command(HOST, port), {**environ, **page_environ(HOST, port)})
