"""``minimq collect``."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from mq.cli import options


def collect(
    metrics: Annotated[list[str] | None, typer.Argument(metavar="[METRIC]...", help="Which: cpu. All without.")] = None,
    node: Annotated[
        str | None, typer.Option(envvar="NODE_NAME", help="This host's name on the page; its own by default.")
    ] = None,
    broker: options.Broker = options.BROKER,
    interval: Annotated[
        float | None,
        typer.Option(envvar="INTERVAL_SECONDS", min=0.1, metavar="SECONDS", help="Between samples."),
    ] = None,
) -> None:
    """Read this host's metrics and push them to a broker, until Ctrl-C.

    On a machine that only collects, "python -m collectors" does the same with less memory.
    """
    from collectors.__main__ import main

    raise typer.Exit(main(_arguments(metrics or [], node, broker, interval), os.environ))


def _arguments(metrics: list[str], node: str | None, broker: str, interval: float | None) -> list[str]:
    arguments = [*metrics, "--broker", broker]
    if node is not None:
        arguments += ["--node", node]
    if interval is not None:
        arguments += ["--interval", str(interval)]
    return arguments
