"""``minimq``: all commands, put together."""

from __future__ import annotations

from typing import Annotated

import typer

from mq import __version__
from mq.cli.shelf import Entry, Shelf, ShelvedGroup

SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
COMMANDS = {
    "up": Entry("mq.cli.up:up", "Run everything for this machine, on loopback."),
    "broker": Entry("mq.cli.broker:broker", "Run a broker: take frames in, journal them, send them out."),
    "gateway": Entry("mq.cli.gateway:gateway", "Answer over HTTP: /v1, and the earlier MiniMQ's clients."),
    "collect": Entry("mq.cli.collect:collect", "Read this host's metrics and push them to a broker."),
    "view": Entry("mq.cli.view:view", "Serve the page: live plots that already know the past."),
    "pub": Entry("mq.cli.pub:pub", "Publish records, and print the last offset once they are stored."),
    "tail": Entry("mq.cli.tail:tail", "Print records as they come; with --from, those of before first."),
    "replay": Entry("mq.cli.replay:replay", "Print what the journal holds of one topic."),
    "stats": Entry("mq.cli.stats:stats", "Show what the broker has done, and what is missing of which producers."),
    "top": Entry("mq.cli.top.command:top", "Show a broker as it is right now, on one screen."),
    "topics": Entry("mq.cli.topics:app", "List topics, or delete some."),
    "consumers": Entry("mq.cli.consumers:app", "List consumers, set one back, or delete one."),
    "export": Entry("mq.cli.export:export", "Write a time range of topics to a Parquet, CSV or NDJSON file."),
    "import": Entry("mq.cli.importing:import_", "Publish what a Parquet, CSV or NDJSON file holds."),
    "capsule": Entry("mq.cli.capsule:app", "Make a capsule, a file with a time range of many topics, or look at one."),
    "verify": Entry("mq.cli.verify:verify", "Check every byte of a data directory."),
    "repair": Entry("mq.cli.repair:repair", "Mend a data directory that no broker is at work in."),
}


class _Commands(ShelvedGroup):
    shelf = Shelf(COMMANDS, SETTINGS)


app = typer.Typer(
    cls=_Commands,
    name="minimq",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings=SETTINGS,
)


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
