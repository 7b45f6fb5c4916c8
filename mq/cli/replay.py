"""``minimq replay``."""

from __future__ import annotations

from itertools import islice
from typing import Annotated

import typer

from mq.cli import options
from mq.cli.events import show_event
from mq.cli.points import HELP, parse_point
from mq.errors import Gap, MqError, Rewound, Trimmed


def replay(
    topic: Annotated[
        str,
        typer.Argument(metavar="TOPIC", help="A topic, as host/node1/cpu.", autocompletion=options.complete_topic),
    ],
    start: Annotated[str, typer.Option("--from", metavar="POINT", help=f"First record: {HELP}.")] = "0",
    stop: Annotated[
        str | None, typer.Option("--to", metavar="POINT", help="Stop before this; without it, at the end.")
    ] = None,
    count: options.Count = None,
    broker: options.Broker = options.BROKER,
    as_json: options.Json = False,
    template: options.Template = None,
    timeout: options.Timeout = options.TIMEOUT_S,
) -> None:
    """Print what the journal holds of one topic, and stop. Times are those of appending.

    \b
    minimq replay host/node1/cpu --from -15m
    minimq replay host/node1/cpu --from 03:10 --to 03:15 --json
    minimq replay host/node1/cpu --template '{time:%H:%M:%S} {value:.1f}'
    """
    from mq.cli.styles import chosen_style
    from mq.client.replay import replay as open_replay

    first = parse_point(start, "--from")
    end = parse_point(stop, "--to") if stop is not None else None
    show = chosen_style(as_json=as_json, template=template)
    left = count
    with open_replay(broker, topic, first, end, timeout_s=timeout) as records:
        while left is None or left > 0:
            try:
                for message in islice(records, left):
                    typer.echo(show(message))
                    left = None if left is None else left - 1
            except (Gap, Trimmed) as event:
                show_event(event, as_json)
            except Rewound as error:
                raise MqError(f"{topic} has no offset {error.wanted}: the next one will be {error.end}") from None
            else:
                return
