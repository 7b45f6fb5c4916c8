"""``minimq export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mq.cli import options
from mq.cli.points import time_range
from mq.cli.progress import progress


def export(
    patterns: options.Patterns,
    out: options.Out,
    start: options.From = None,
    stop: options.To = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there already.")] = False,
    broker: options.Broker = options.BROKER,
    timeout: options.Timeout = options.TIMEOUT_S,
) -> None:
    """Write what the journal holds of topics to a Parquet, CSV or NDJSON file. Times are those of appending.

    \b
    minimq export 'host/#' --from -1d --out day.parquet
    minimq export 'host/+/cpu' --from 'yesterday 03:00' --to 'yesterday 04:00' --out night.csv
    minimq export notes --out notes.ndjson

    The file is there when it is whole. Typed again after it was ended, it goes on where it was, with what it had
    settled to export: FILE.parts is where that stands. Parquet needs the extra "export".

    Each record is a row: topic, offset, time (the broker's), produced (the producer's), value (the number in the body,
    if there is one), encoding and body. The encoding says what the body is: "msgpack" (shown as JSON), "text" or
    "base64". "minimq import" makes the same records of it again.
    """
    from mq.cli.ranges import find
    from mq.client.ranges import read_range
    from mq.transfer.exporting import Asked
    from mq.transfer.exporting import export as write

    begin, end = time_range(start, stop)
    asked = Asked(tuple(patterns), start, stop)
    with progress("export", "records") as tell:
        done = write(
            Path(out),
            asked,
            lambda: find(broker, patterns, begin, end, timeout),
            lambda each: read_range(broker, each, timeout_s=timeout),
            tell,
            overwrite=overwrite,
        )
    for event in done.events:
        typer.echo(f"minimq: {event}", err=True)
    resumed = ", some of them by an earlier run" if done.resumed else ""
    typer.echo(f"{out}: {done.records:,} records of {options.counted(done.topics, 'topic')}{resumed}")
