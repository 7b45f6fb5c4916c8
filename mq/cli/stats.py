"""``minimq stats``: what the broker has done, who listens, and what became of each producer's records."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mq.cli import options

if TYPE_CHECKING:
    from mq.client.link import Link

COLUMNS = ("topic", "producer", "received", "missing", "late", "duplicate")
STEPS = (
    ("received", "frames_received", "came in on ingest and control"),
    ("stored", "records_appended", "records appended to the journal"),
    ("repeated", "frames_repeated", "sent again, and stored already"),
    ("unstored", "frames_unstored", "the journal could not take them; sent out live only"),
    ("forwarded", "frames_forwarded", "sent out to subscribers"),
    ("overflows", "live_overflows", "turns in which a subscriber was too slow and missed frames, to fetch them later"),
    ("unanswered", "replies_dropped", "answers that nobody took"),
)


def stats(
    pattern: Annotated[
        str, typer.Argument(metavar="PATTERN", help="Of which topics: + is one segment, a last # the rest.")
    ] = "#",
    broker: options.Broker = options.BROKER,
    everyone: Annotated[bool, typer.Option("--all", "-a", help="Also producers of which nothing is missing.")] = False,
    as_json: options.Json = False,
    timeout: options.Timeout = options.TIMEOUT_S,
) -> None:
    """Show what the broker has done since it was started, who listens, and of which producers something is missing.

    \b
    minimq stats
    minimq stats 'host/#' --all
    minimq stats --json

    Producers count what they send. Missing is what never came, up to the last that did; late is what came after later
    ones; duplicate is what came again. It is counted from the first that this life of the broker has seen.

    With --json the first object has the kind "broker" and all counters; then comes one of the kind "producer" for each
    producer and topic: topic, producer, received, missing, late, duplicate; and one of the kind "subscriber" for each
    that reports of itself: name, patterns, lag, repaired, lost, silent_ms, state. The state is slow where it lags by
    more than 10,000 records, silent where it has said nothing for three seconds, else ok.
    """
    from mq.cli.audience import listeners, table
    from mq.client.link import Link
    from mq.protocol import Stats, StatsReport

    with Link(broker, timeout) as link:
        counted = link.ask(Stats(link.number()), StatsReport).stats
        audience = list(listeners(link))
        rows = [row for row in _rows(link, pattern) if everyone or as_json or any(row[3:])]
    if as_json:
        typer.echo(json.dumps({"kind": "broker", **counted}))
        for row in rows:
            typer.echo(json.dumps({"kind": "producer", **dict(zip(COLUMNS, row, strict=True))}))
        for each in audience:
            typer.echo(json.dumps({"kind": "subscriber", **each}))
        return
    for line in _steps(counted):
        typer.echo(line)
    for lines in (list(table(audience)), list(_table(rows))):
        for line in ["", *lines] if lines else []:
            typer.echo(line)


def _rows(link: Link, pattern: str) -> Iterator[list[Any]]:
    from mq.protocol import AccountList, Accounts

    after: str | None = None
    while True:
        reply = link.ask(Accounts(link.number(), [pattern], after), AccountList)
        yield from reply.accounts
        after = reply.after
        if after is None:
            return


def _steps(counted: dict[str, Any]) -> Iterator[str]:
    for word, name, what in STEPS:
        yield f"{word:<12}{counted.get(name, 0):>16,}  {what}"
    for port, kinds in sorted(counted.get("refused", {}).items()):
        for kind, number in sorted(kinds.items()):
            yield f"{'refused':<12}{number:>16,}  frames on {port}: {kind}"


def _table(rows: list[list[Any]]) -> Iterator[str]:
    if not rows:
        return
    width = max(len("TOPIC"), *(len(row[0]) for row in rows))
    yield f"{'TOPIC':<{width}}  {'PRODUCER':<16}  {'RECEIVED':>14}  {'MISSING':>12}  {'LATE':>10}  {'DUPLICATE':>10}"
    for topic, producer, received, missing, late, duplicate in rows:
        yield f"{topic:<{width}}  {producer:016x}  {received:>14,}  {missing:>12,}  {late:>10,}  {duplicate:>10,}"
