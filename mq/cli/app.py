"""``minimq``: all commands, put together."""

from __future__ import annotations

from typing import Annotated

import typer

from mq import __version__
from mq.cli.broker import broker
from mq.cli.collect import collect
from mq.cli.consumers import app as consumers
from mq.cli.gateway import gateway
from mq.cli.pub import pub
from mq.cli.read import replay, tail
from mq.cli.repair import repair
from mq.cli.stats import stats
from mq.cli.topics import app as topics
from mq.cli.up import up
from mq.cli.verify import verify
from mq.cli.view import view

app = typer.Typer(
    name="minimq",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
for command in (up, broker, gateway, collect, view, pub, tail, replay, stats, verify, repair):
    app.command()(command)
app.add_typer(topics, name="topics")
app.add_typer(consumers, name="consumers")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"minimq {__version__}")
        raise typer.Exit


@app.callback()
def minimq(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Say the version, and stop.")
    ] = False,
) -> None:
    """Carry small messages from many machines to whoever wants them, live or later.

    Start with "minimq up": broker, gateway, collectors and viewer for this machine. Then, from another terminal:
    "minimq topics", "minimq tail '#'", "minimq replay TOPIC --from -15m".
    """
