"""``minimq consumers``: who reads on under a name, how far behind; setting one back, deleting one."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mq.cli import options
from mq.cli.groups import ListFirst
from mq.cli.points import HELP, parse_point
from mq.errors import MqError

if TYPE_CHECKING:
    from mq.client.consumer_lag import Standing
    from mq.client.link import Link

app = typer.Typer(cls=ListFirst, help="List consumers, set one back, or delete one.", rich_markup_mode=None)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The consumer's name.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@app.command("list")
def list_consumers(
    broker: options.Broker = options.BROKER, as_json: options.Json = False, timeout: options.Timeout = options.TIMEOUT_S
) -> None:
    """List consumers: members, position in each topic, lag. The word "list" may be left out.

    \b
    minimq consumers
    minimq consumers --json

    LAG is how many records are kept from the position on; OLDEST, how long ago the first of them was appended; OPEN,
    how many were given out and are not settled: members hold them, or they came back and wait to be given out again.
    A topic that the consumer has not met stands there from the first record that is kept.
    """
    from mq.client.consumer_lag import consumers, standings
    from mq.client.link import Link

    with Link(broker, timeout) as link:
        found = [(name, shared, members, sorted(standings(link, name))) for name, shared, members in consumers(link)]
    if as_json:
        for name, shared, members, rows in found:
            topics = [row._asdict() for row in rows]
            typer.echo(json.dumps({"consumer": name, "shared": shared, "members": members, "topics": topics}))
    elif found:
        for name, shared, members, rows in found:
            for line in _table(name, shared, members, rows):
                typer.echo(line)
    else:
        typer.echo("no consumers yet", err=True)


@app.command()
def reset(
    name: Name,
    pattern: Annotated[str, typer.Argument(metavar="PATTERN", help="In which topics.")] = "#",
    to: Annotated[str, typer.Option("--to", metavar="POINT", help=f"beginning, end, {HELP}.")] = "",
    broker: options.Broker = options.BROKER,
    timeout: options.Timeout = options.TIMEOUT_S,
) -> None:
    """Let a consumer go on from another point, in all its topics or some. Nobody may use it meanwhile.

    \b
    minimq consumers reset NAME --to beginning
    minimq consumers reset NAME 'host/+/cpu' --to -15m
    """
    from mq.client.link import Link

    if not to:
        raise typer.BadParameter(f"say where to: beginning, end, {HELP}", param_hint="'--to'")
    point = to if to in ("beginning", "end") else parse_point(to, "--to")
    with Link(broker, timeout) as link:
        rows = list(_positions(link, name, pattern, point))
        if not rows:
            raise MqError(f"no topic of {name} matches {pattern}: nothing is reset")
        _reset(link, name, rows)
    typer.echo(f"{name} goes on there in {len(rows):,} {'topic' if len(rows) == 1 else 'topics'}")
    for topic, offset, _ in rows:
        if isinstance(point, int) and offset != point:
            typer.echo(f"{topic}: at {offset:,}, the nearest to {point:,} that there is")


@app.command()
def delete(
    name: Name,
    yes: Yes = False,
    broker: options.Broker = options.BROKER,
    timeout: options.Timeout = options.TIMEOUT_S,
) -> None:
    """Forget a consumer and its positions, for good. It asks, unless told --yes. Nobody may use it meanwhile.

    \b
    minimq consumers delete NAME --yes

    Records are not touched. Its dead letters stay until retention deletes them.
    """
    from mq.client.link import Link
    from mq.protocol import Agreed, DeleteConsumer

    if not yes and not _confirmed(name):
        raise MqError("nothing is deleted")
    with Link(broker, timeout) as link:
        link.ask(DeleteConsumer(link.number(), name), Agreed)
    typer.echo(f"{name} is deleted")


def _confirmed(name: str) -> bool:
    if not sys.stdin.isatty():
        raise MqError("nothing is deleted: there is nobody to ask, say --yes to do it")
    return typer.confirm(f"Delete the consumer {name} with its positions for good?", err=True)


def _table(name: str, shared: bool, members: list[str], rows: list[Standing]) -> Iterator[str]:
    kind = "shared by" if shared else "held by"
    yield f"{name}: {kind} {', '.join(members)}" if members else f"{name}: nobody is at work"
    width = max(len("TOPIC"), *(len(row.topic) for row in rows)) if rows else 0
    if rows:
        yield f"  {'TOPIC':<{width}}  {'POSITION':>12}  {'LAG':>12}  {'OLDEST':>10}  {'OPEN':>8}"
    for row in rows:
        oldest = "-" if row.lag_s is None else f"{row.lag_s:,.1f} s"
        trimmed = "  (trimmed: some of it is no longer kept)" if row.trimmed else ""
        yield f"  {row.topic:<{width}}  {row.position:>12,}  {row.lag:>12,}  {oldest:>10}  {row.open:>8,}{trimmed}"


def _positions(link: Link, name: str, pattern: str, point: str | int | datetime | timedelta) -> Iterator[list[Any]]:
    """Yield topic, offset and epoch (0: not known) of where a consumer is to go on, for each of its that matches."""
    from mq.client.consumer_lag import patterns, topics
    from mq.client.replay import nanoseconds
    from mq.protocol import OffsetAt, OffsetFound
    from mq.topic import Pattern

    its = [Pattern.parse(each) for each in patterns(link, name)]
    for topic, first, following in topics(link, [pattern]):
        if its and not any(each.matches(topic) for each in its):
            continue
        if point == "beginning":
            offset = first
        elif point == "end":
            offset = following
        elif isinstance(point, int):
            offset = min(max(point, first), following)
        else:
            assert not isinstance(point, str)  # noqa: S101 - for the type checker: the two words were dealt with
            offset = link.ask(OffsetAt(link.number(), topic, nanoseconds(point)), OffsetFound).offset
        yield [topic, offset, 0]


def _reset(link: Link, name: str, rows: list[list[Any]]) -> None:
    from mq.client.consumer import ROWS_A_COMMIT
    from mq.protocol import Agreed, ResetConsumer

    for start in range(0, len(rows), ROWS_A_COMMIT):
        link.ask(ResetConsumer(link.number(), name, rows[start : start + ROWS_A_COMMIT]), Agreed)
