"""``minimq view``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from mq.cli import options

ADDRESS, PORT = "127.0.0.1", 8080


def view(
    broker: options.Broker = options.BROKER,
    address: Annotated[str, typer.Option(metavar="ADDRESS", help="The address to listen on.")] = ADDRESS,
    port: Annotated[int, typer.Option(min=0, max=65535, metavar="PORT", help="The port to listen on.")] = PORT,
) -> None:
    """Serve the page: live plots that already know the past. It needs the extra "viewer".

    "panel serve viewer" in the repository's root does the same with Panel's own options.
    """
    from mq.cli.ports import refuse_taken

    refuse_taken(address, port, "--port")
    os.environ["MINIMQ_BROKER"] = broker
    os.execv(sys.executable, panel_command(address, port))


def panel_command(address: str, port: int) -> list[str]:
    """Return the command that serves the page, open to those names of this machine by which browsers come."""
    import viewer

    folder = str(Path(viewer.__file__).parent)
    origins = [f"--allow-websocket-origin={host}:{port}" for host in ("localhost", "127.0.0.1", address)]
    options = ["--address", address, "--port", str(port), "--index", "viewer", "--log-level", "warning"]
    return [sys.executable, "-m", "panel", "serve", folder, *options, *dict.fromkeys(origins)]
