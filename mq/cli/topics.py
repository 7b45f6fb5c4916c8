"""``minimq topics``: listing and deleting them."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from mq.cli import options
from mq.cli.groups import ListFirst
from mq.errors import MqError

if TYPE_CHECKING:
    from mq.client.link import Link
    from mq.client.listing import TopicRow

app = typer.Typer(cls=ListFirst, help="List topics, or delete some.", rich_markup_mode=None)


@app.command("list")
def list_topics(
    pattern: Annotated[
        str, typer.Argument(metavar="PATTERN", help="Which: + is one segment, a last # the rest.")
    ] = "#",
    broker: options.Broker = options.BROKER,
    as_json: options.Json = False,
    timeout: options.Timeout = options.TIMEOUT_S,
) -> None:
    """List topics: records kept, bytes, and when the last one came. The word "list" may be left out.

    \b
    minimq topics
    minimq topics 'host/+/cpu' --json
    """
    from mq.client.link import Link
    from mq.client.listing import topic_rows

    with Link(broker, timeout) as link:
        rows = list(topic_rows(link, [pattern]))
    if as_json:
        for row in rows:
            typer.echo(json.dumps(row._asdict()))
    elif rows:
        _show(rows)
    else:
        typer.echo("no topics yet" if pattern == "#" else f"no topic matches {pattern}", err=True)


@app.command()
def delete(
    patterns: Annotated[list[str], typer.Argument(metavar="PATTERN", help="Which: topics, or patterns of them.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    broker: options.Broker = options.BROKER,
    timeout: options.Timeout = options.TIMEOUT_S,
) -> None:
    """Delete topics with all their records, for good. It says which, and asks, unless told --yes.

    \b
    minimq topics delete host/old-node/cpu
    minimq topics delete 'host/old-node/#' --yes

    A topic that somebody writes to again begins anew, behind the last offset that it had.
    """
    from mq.client.link import Link
    from mq.client.listing import topic_rows

    with Link(broker, timeout) as link:
        rows = sorted({row.topic: row for pattern in patterns for row in topic_rows(link, [pattern])}.values())
        if not rows:
            raise MqError(f"no topic matches {' or '.join(patterns)}: nothing is deleted")
        _show(rows)
        if not yes and not _confirmed(len(rows)):
            raise MqError("nothing is deleted")
        gone = _delete(link, [row.topic for row in rows])
    typer.echo(f"{len(gone):,} {'topic' if len(gone) == 1 else 'topics'} deleted")


def _confirmed(count: int) -> bool:
    if not sys.stdin.isatty():
        raise MqError("nothing is deleted: there is nobody to ask, say --yes to do it")
    return typer.confirm(f"Delete {'this topic' if count == 1 else f'these {count:,} topics'} for good?", err=True)


def _delete(link: Link, topics: list[str]) -> list[str]:
    """Ask once for each page: asked again, a request could delete what has been written since."""
    from mq.protocol import TOPICS_MAX

    gone: list[str] = []
    for start in range(0, len(topics), TOPICS_MAX):
        gone += link.delete(topics[start : start + TOPICS_MAX])
    return gone


def _show(rows: Sequence[TopicRow]) -> None:
    from mq.cli.render import clock

    width = max(len("TOPIC"), *(len(row.topic) for row in rows))
    typer.echo(f"{'TOPIC':<{width}}  {'RECORDS':>12}  {'NEXT OFFSET':>12}  {'BYTES':>14}  LAST")
    for topic, first, following, size, _, appended in rows:
        last = clock(appended) if appended else "-"
        typer.echo(f"{topic:<{width}}  {following - first:>12,}  {following:>12,}  {size:>14,}  {last}")
