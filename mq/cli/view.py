"""``minimq view``."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from mq.cli import options

ADDRESS, PORT = "127.0.0.1", 8080
PORT_UNSAID = 80
PAGE_ASKED = "/viewer/metadata"  # answers without making a session each time, as the page itself would
LOCAL = ("localhost", "127.0.0.1")


def view(
    capsule: Annotated[
        str | None,
        typer.Argument(
            metavar="CAPSULE",
            envvar="MINIMQ_CAPSULE",
            help="Show this file, made by minimq capsule make, and no broker.",
        ),
    ] = None,
    broker: options.Broker = options.BROKER,
    address: Annotated[str, typer.Option(metavar="ADDRESS", help="The address to listen on.")] = ADDRESS,
    port: Annotated[int, typer.Option(min=1, max=65535, metavar="PORT", help="The port to listen on.")] = PORT,
    origin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOST", help="One more name by which browsers come: the page works under known ones only."
        ),
    ] = None,
) -> None:
    """Serve the page: live plots that already know the past. It needs the extra "viewer".

    \b
    minimq view --broker tcp://broker.example:5557
    minimq view --address 0.0.0.0 --origin metrics.example
    minimq view night.mq

    "panel serve viewer" in the repository's root does the same with Panel's own options.
    """
    from mq.cli.ports import refuse_taken
    from mq.health.note import Note, from_here, leave

    source = _shown(broker, capsule)
    command = panel_command(address, port)
    refuse_taken(address, port, "--port")
    asked = from_here(f"http://{_host(address)}:{port}{PAGE_ASKED}")
    leave(Note(asked, source.get("MINIMQ_BROKER", "")), os.environ)
    os.environ.update({**source, **page_environ(address, port, origin or ())})
    os.execv(sys.executable, command)


def _shown(broker: str, capsule: str | None) -> dict[str, str]:
    """Return the variable that says what is shown, once that can be."""
    if capsule:
        from mq.capsule.reader import Capsule

        Capsule(capsule).close()
        return {"MINIMQ_CAPSULE": os.path.abspath(capsule)}
    from mq.client.endpoint import parse_endpoint

    parse_endpoint(broker)
    return {"MINIMQ_BROKER": broker}


def panel_command(address: str, port: int) -> list[str]:
    """Return the command that serves the page."""
    if importlib.util.find_spec("panel") is None:
        raise ModuleNotFoundError(name="panel")
    import viewer

    folder = str(Path(viewer.__file__).parent)
    options = ["--address", address, "--port", str(port), "--index", "viewer", "--log-level", "warning"]
    return [sys.executable, "-P", "-m", "panel", "serve", folder, *options]


def page_environ(address: str, port: int, origins: Iterable[str] = ()) -> dict[str, str]:
    """Return the variable by which the page is open to those names of this machine by which browsers come.

    Names that were given are good without a port too, as behind a proxy that has one of its own: for Bokeh that is 80.
    """
    named = [f"{_host(name)}:{number}" for name in origins for number in (port, PORT_UNSAID)]
    admitted = [*(f"{_host(name)}:{port}" for name in (*LOCAL, address)), *named]
    return {"BOKEH_ALLOW_WS_ORIGIN": ",".join(dict.fromkeys(admitted))}


def _host(name: str) -> str:
    """Return a host as it stands in a browser's address."""
    return f"[{name}]" if ":" in name else name
