"""``minimq collect``."""

from __future__ import annotations

import os
from typing import Annotated

import typer


def collect(
    metrics: Annotated[
        list[str] | None,
        typer.Argument(metavar="METRIC", help="Which: cpu (every 1 s), mem, disk, net (every 5 s). All without."),
    ] = None,
    node: Annotated[
        str | None, typer.Option(metavar="NAME", help="This host's name on the page; its own by default.")
    ] = None,
    broker: Annotated[
        str | None,
        typer.Option(metavar="ENDPOINT", help="The broker's control port; tcp://127.0.0.1:5557 by default."),
    ] = None,
    interval: Annotated[
        str | None, typer.Option(metavar="SECONDS", help="Between samples; by default each metric has its own.")
    ] = None,
    delivery: Annotated[
        str | None,
        typer.Option(metavar="HOW", help="push: not waited for, the default; acked: kept on disk until acknowledged."),
    ] = None,
    spool: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Where acked samples are kept; below ~/.local/state/minimq/spool by default."),
    ] = None,
) -> None:
    """Read this host's metrics and send them to a broker, until Ctrl-C.

    \b
    minimq collect cpu --node web-1 --broker tcp://broker.example:5557

    Without an option the environment is asked: METRIC_TYPE, NODE_NAME, BROKER_URL, MINIMQ_BROKER, INTERVAL_SECONDS,
    DELIVERY, SPOOL_DIR; and HOST_MODE=true in a container reads its host, whose /proc is mounted at /host/proc and / at
    /host/root.
    On a machine that only collects, "python -m collectors" does the same with less memory.
    """
    from collectors.__main__ import run
    from collectors.settings import Given
    from mq.cli import logs

    logs.configure(os.environ)
    raise typer.Exit(run(Given(tuple(metrics or ()), node, broker, interval, delivery, spool), os.environ))
