"""Options that several commands share, said once."""

from __future__ import annotations

from typing import Annotated, Any

import typer


def complete_topic(ctx: Any, incomplete: str) -> list[str]:
    """Return topics that a word on the command line may become; none where no broker answers at once."""
    from mq.cli.completion import topics_beginning_with

    return topics_beginning_with(ctx.params.get("broker") or BROKER, incomplete)


Broker = Annotated[
    str,
    typer.Option(
        "--broker", envvar="MINIMQ_BROKER", metavar="ENDPOINT", help="The broker's control port, as tcp://HOST:PORT."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")]
Timeout = Annotated[float, typer.Option("--timeout", min=0.1, metavar="SECONDS", help="How long to wait for a broker.")]
Data = Annotated[str, typer.Option("--data", metavar="DIR", help="Where the journal is, or is to be made.")]

Count = Annotated[int | None, typer.Option("--count", "-n", min=0, metavar="N", help="Stop after so many records.")]
Template = Annotated[
    str | None, typer.Option(metavar="TEXT", help="A line for each record, as '{topic} {value}', instead of the usual.")
]
Patterns = Annotated[
    list[str],
    typer.Argument(
        metavar="PATTERN",
        help="Topics, or patterns of them: + is one segment, a last # the rest.",
        autocompletion=complete_topic,
    ),
]
From = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="TIME",
        help="Begin at a time (03:12, 2026-11-24) or so long ago (-15m); else at the beginning.",
    ),
]
To = Annotated[str | None, typer.Option("--to", metavar="TIME", help="Stop before this; else at the end.")]
Out = Annotated[str, typer.Option("--out", "-o", metavar="FILE", help="The file to write.")]

BROKER = "tcp://127.0.0.1:5557"  # as mq.config has it, whose import would cost as much as all of the help
TIMEOUT_S = 10.0
DATA = "data"


def counted(number: int, what: str) -> str:
    """Return a number of things, as 1 topic, 2 topics."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
