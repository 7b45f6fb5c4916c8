"""``minimq gateway``."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from mq.cli import options

ADDRESS, PORT = "127.0.0.1", 5000


def gateway(
    broker: options.Broker = options.BROKER,
    address: Annotated[str, typer.Option(metavar="ADDRESS", help="The address to listen on.")] = ADDRESS,
    port: Annotated[
        int, typer.Option(min=0, max=65535, metavar="PORT", help="The port to listen on; 0 picks one.")
    ] = PORT,
    origin: Annotated[
        list[str] | None,
        typer.Option(metavar="HOST", help="One more host whose pages may ask: those of this one may. * is all."),
    ] = None,
) -> None:
    """Answer over HTTP: /v1, with a page at /docs, and the earlier MiniMQ's clients. It needs the extra "gateway".

    \b
    minimq gateway --broker tcp://broker.example:5557
    minimq gateway --address 0.0.0.0 --origin metrics.example

    When it serves, it prints one line that starts with "ready" and names the address. Ctrl-C or SIGTERM ends it
    cleanly. Limits are variables, MINIMQ_GATEWAY_...: see docs/gateway.md.
    """
    from mq.cli import logs
    from mq.cli.saying import say
    from mq.gateway.gateway import Gateway
    from mq.gateway.limits import load
    from mq.gateway.server import bind, serve, url_of
    from mq.health.note import Note, from_here, leave

    logs.configure(os.environ)
    limits = load(os.environ)
    with bind(address, port) as bound:
        leave(Note(from_here(f"{url_of(bound)}/healthz"), broker), os.environ)
        serve(Gateway(broker, limits, origin or ()), bound, lambda: say(f"ready gateway={url_of(bound)}"))
