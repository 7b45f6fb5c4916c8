"""``minimq stats``: what the broker has done, who listens, and what became of each producer's records."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from mq.cli import options

ROWS_MAX = 50
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
    everyone: Annotated[
        bool, typer.Option("--all", "-a", help="All rows, also of producers of which nothing is missing.")
    ] = False,
    as_json: options.Json = False,
    timeout: options.Timeout = options.TIMEOUT_S,
) -> None:
    """Show what the broker has done since it was started, who listens, and of which producers something is missing.

    \b
    minimq stats
    minimq stats 'host/#' --all
    minimq stats --json

    Producers count what they send, so that each step tells what went there. Sampled is what was handed over, as far as
    the producer says or its numbers tell; spooled, of that, waits on its disk; received came to the broker, late after
    later ones, or twice; journaled was appended; forwarded went out live. Repaired is how often those who listen had to
    fetch something of the topic. It is counted from the first that this life of the broker has seen.

    With --json the first object has the kind "broker" and all counters; then comes one of the kind "producer" for each
    producer and topic: topic, producer, sampled, spooled, dropped, received, missing, late, duplicate, unstored,
    journaled, forwarded, repaired; and one of the kind "subscriber" for each that reports of itself: name, patterns,
    lag, repaired, lost, silent_ms, state. The state is slow where it lags by more than 10,000 records, silent where it
    has said nothing for three seconds, else ok.
    """
    from mq.cli import audience, producers
    from mq.client.link import Link
    from mq.protocol import Stats, StatsReport

    with Link(broker, timeout) as link:
        counted = link.ask(Stats(link.number()), StatsReport).stats
        hearing = list(audience.listeners(link))
        producing = [it for it in producers.accounts(link, pattern) if everyone or as_json or producers.is_odd(it)]
    if as_json:
        typer.echo(json.dumps({"kind": "broker", **counted}))
        for each in producing:
            typer.echo(json.dumps({"kind": "producer", **each}))
        for each in hearing:
            typer.echo(json.dumps({"kind": "subscriber", **each}))
        return
    for line in _steps(counted):
        typer.echo(line)
    for lines in (list(audience.table(hearing)), list(producers.table(producing, None if everyone else ROWS_MAX))):
        for line in ["", *lines] if lines else []:
            typer.echo(line)


def _steps(counted: dict[str, Any]) -> Iterator[str]:
    for word, name, what in STEPS:
        yield f"{word:<12}{counted.get(name, 0):>16,}  {what}"
    for port, kinds in sorted(counted.get("refused", {}).items()):
        for kind, number in sorted(kinds.items()):
            yield f"{'refused':<12}{number:>16,}  frames on {port}: {kind}"
