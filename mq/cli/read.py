"""``minimq tail`` and ``minimq replay``."""

from __future__ import annotations

from itertools import islice
from typing import Annotated

import typer

from mq.cli import options
from mq.cli.points import HELP, parse_point
from mq.cli.render import gap_json, record_json, record_line

Count = Annotated[int | None, typer.Option("--count", "-n", min=0, metavar="N", help="Stop after so many records.")]


def replay(
    topic: Annotated[str, typer.Argument(metavar="TOPIC", help="A topic, as host/node1/cpu.")],
    start: Annotated[str, typer.Option("--from", metavar="POINT", help=f"First record: {HELP}.")] = "0",
    stop: Annotated[
        str | None, typer.Option("--to", metavar="POINT", help="Stop before this; without it, at the end.")
    ] = None,
    count: Count = None,
    broker: options.Broker = options.BROKER,
    as_json: options.Json = False,
    timeout: options.Timeout = options.TIMEOUT_S,
) -> None:
    """Print what the journal holds of one topic, and stop.

    \b
    minimq replay host/node1/cpu --from -15m
    minimq replay host/node1/cpu --from 03:10 --to 03:15 --json
    """
    from mq.client.replay import replay as open_replay
    from mq.errors import Gap

    first, end = parse_point(start), parse_point(stop) if stop is not None else None
    show = record_json if as_json else record_line
    with open_replay(broker, topic, first, end, timeout_s=timeout) as records:
        left = count
        while left is None or left > 0:
            try:
                for message in islice(records, left):
                    typer.echo(show(message))
                    left = None if left is None else left - 1
            except Gap as gap:
                _show_gap(gap, as_json)
            else:
                return


def tail(
    pattern: Annotated[
        str, typer.Argument(metavar="PATTERN", help="A topic, or a pattern: + is one segment, a last # the rest.")
    ],
    start: Annotated[str, typer.Option("--from", metavar="POINT", help=f'Begin at {HELP}; or "live".')] = "live",
    count: Count = None,
    broker: options.Broker = options.BROKER,
    as_json: options.Json = False,
) -> None:
    """Print records as they come, until Ctrl-C; with --from, those of before first.

    \b
    minimq tail '#'
    minimq tail 'host/+/cpu' --from -15m --json
    """
    from mq.client.subscriber import Subscriber
    from mq.errors import Gap, Rewound, Trimmed

    show = record_json if as_json else record_line
    left = count
    with Subscriber(broker, pattern, "live" if start == "live" else parse_point(start)) as subscriber:
        while left is None or left > 0:
            try:
                message = subscriber.receive()
            except Gap as gap:
                _show_gap(gap, as_json)
                continue
            except (Rewound, Trimmed) as event:
                typer.echo(f"minimq: {event}", err=True)
                continue
            if message is not None:
                typer.echo(show(message))
                left = None if left is None else left - 1


def _show_gap(gap: object, as_json: bool) -> None:
    from mq.errors import Gap

    if isinstance(gap, Gap) and as_json:
        typer.echo(gap_json(gap))
    else:
        typer.echo(f"minimq: {gap}", err=True)
