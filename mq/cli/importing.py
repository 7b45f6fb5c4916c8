"""``minimq import``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from mq.cli import options


def import_(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A .parquet, .csv or .ndjson file.")],
    topic: Annotated[
        str | None, typer.Option(metavar="TOPIC", help="Where to; without it, where the column topic says.")
    ] = None,
    time: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Which column is the time; else one that is called so.")
    ] = None,
    skip: Annotated[int, typer.Option(min=0, metavar="N", help="Leave out the first N rows: they are there.")] = 0,
    durability: Annotated[
        Literal["durable", "written"],
        typer.Option(help="durable survives a power cut, written the broker's death."),
    ] = "durable",
    broker: options.Broker = options.BROKER,
    timeout: options.Timeout = options.TIMEOUT_S,
) -> None:
    """Publish what a Parquet, CSV or NDJSON file holds, and wait until it is stored.

    \b
    minimq import day.parquet
    minimq import readings.csv --topic lab/temperature --time measured_at
    minimq replay notes --json > notes.ndjson; minimq import notes.ndjson --topic copy/of/notes

    What "minimq export" wrote becomes the same records again, made at the same times; the broker gives them offsets and
    times of appending anew. What "minimq tail --json" prints is taken too, as far as JSON tells what it was.

    Of any other table each row becomes a map of its columns, as samples are, with its time in ns. The time may be
    written in any form, or be a number of seconds, ms, us or ns since 1970; where it has no zone, it is local.
    """
    from mq.cli.progress import progress
    from mq.client.link import Link
    from mq.client.producer import Producer
    from mq.topic import encode_topic
    from mq.transfer.importing import Import

    if topic is not None:
        encode_topic(topic)
    path = Path(file)
    with path.open("rb"):  # or it is said before a broker is looked for
        pass
    with Link(broker, timeout) as link:
        link.hello()
    with Producer(broker, durability, block_s_max=timeout) as producer:
        work = Import(producer, timeout, skip)
        with progress("import", "records") as tell:
            work.run(path, topic, time, None if tell is None else lambda done: tell(done, None))
    typer.echo(f"{options.counted(work.rows - min(skip, work.rows), 'record')} of {file} stored")
