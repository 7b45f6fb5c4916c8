"""Options that several commands share, said once."""

from __future__ import annotations

from typing import Annotated

import typer

from mq.config import BROKER_DEFAULT

Broker = Annotated[
    str,
    typer.Option(
        "--broker", envvar="MINIMQ_BROKER", metavar="ENDPOINT", help="The broker's control port, as tcp://HOST:PORT."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")]
Timeout = Annotated[float, typer.Option("--timeout", min=0.1, metavar="SECONDS", help="How long to wait for a broker.")]
Data = Annotated[str, typer.Option("--data", metavar="DIR", help="Where the journal is, or is to be made.")]

BROKER: str = BROKER_DEFAULT
TIMEOUT_S = 10.0
DATA = "data"
