"""``minimq topics``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mq.cli import options

if TYPE_CHECKING:
    from mq.client.link import Link

COLUMNS = ("topic", "first", "next", "bytes", "segments", "appended")


def topics(
    pattern: Annotated[
        str, typer.Argument(metavar="PATTERN", help="Which: + is one segment, a last # the rest.")
    ] = "#",
    broker: options.Broker = options.BROKER,
    as_json: options.Json = False,
    timeout: options.Timeout = options.TIMEOUT_S,
) -> None:
    """List topics: records kept, bytes, and when the last one came.

    \b
    minimq topics
    minimq topics 'host/+/cpu' --json
    """
    from mq.cli.render import clock
    from mq.client.link import Link

    with Link(broker, timeout) as link:
        rows = list(_rows(link, pattern))
    if as_json:
        for row in rows:
            typer.echo(json.dumps(dict(zip(COLUMNS, row, strict=True))))
        return
    if not rows:
        typer.echo("no topics yet" if pattern == "#" else f"no topic matches {pattern}", err=True)
        return
    width = max(len("TOPIC"), *(len(row[0]) for row in rows))
    typer.echo(f"{'TOPIC':<{width}}  {'RECORDS':>12}  {'NEXT OFFSET':>12}  {'BYTES':>14}  LAST")
    for topic, first, following, size, _, appended in rows:
        last = clock(appended) if appended else "-"
        typer.echo(f"{topic:<{width}}  {following - first:>12,}  {following:>12,}  {size:>14,}  {last}")


def _rows(link: Link, pattern: str) -> Iterator[list[Any]]:
    from mq.protocol import TopicList, Topics

    after: str | None = None
    while True:
        reply = link.ask(Topics(link.number(), [pattern], after), TopicList)
        yield from reply.topics
        after = reply.after
        if after is None:
            return
