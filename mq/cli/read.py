"""``minimq tail`` and ``minimq replay``."""

from __future__ import annotations

from itertools import islice
from typing import Annotated

import typer

from mq.cli import options
from mq.cli.points import HELP, parse_point
from mq.errors import Gap, MqError, Rewound, Trimmed, Unreachable

LOOK_EVERY_S = 1.0
PATIENCE_S = 2.0

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
    """Print what the journal holds of one topic, and stop. Times are those of appending.

    \b
    minimq replay host/node1/cpu --from -15m
    minimq replay host/node1/cpu --from 03:10 --to 03:15 --json
    """
    from mq.cli.render import record_json, record_line
    from mq.client.replay import replay as open_replay

    first = parse_point(start, "--from")
    end = parse_point(stop, "--to") if stop is not None else None
    show = record_json if as_json else record_line
    left = count
    with open_replay(broker, topic, first, end, timeout_s=timeout) as records:
        while left is None or left > 0:
            try:
                for message in islice(records, left):
                    typer.echo(show(message))
                    left = None if left is None else left - 1
            except (Gap, Trimmed) as event:
                _show_event(event, as_json)
            except Rewound as error:
                raise MqError(f"{topic} has no offset {error.wanted}: the next one will be {error.end}") from None
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

    A broker that is away is waited for.
    """
    from mq.cli.render import record_json, record_line
    from mq.client.subscriber import Subscriber

    show = record_json if as_json else record_line
    left = count
    with Subscriber(broker, pattern, "live" if start == "live" else parse_point(start, "--from")) as subscriber:
        presence = _Presence(broker)
        while left is None or left > 0:
            try:
                message = subscriber.receive(LOOK_EVERY_S)
            except (Gap, Rewound, Trimmed) as event:
                _show_event(event, as_json)
                continue
            if message is None:
                presence.look(connected=subscriber.connected)
                continue
            typer.echo(show(message))
            left = None if left is None else left - 1


class _Presence:
    """Says once that the broker is away, and once that it is back."""

    def __init__(self, broker: str) -> None:
        self._broker = broker
        self._silent_s = 0.0

    def look(self, *, connected: bool) -> None:
        """Take what was seen after `LOOK_EVERY_S` with no record."""
        before = self._silent_s
        self._silent_s = 0.0 if connected else before + LOOK_EVERY_S
        if before < PATIENCE_S <= self._silent_s:
            typer.echo(f"minimq: {Unreachable(self._broker, PATIENCE_S)}; waiting for it", err=True)
        elif connected and before >= PATIENCE_S:
            typer.echo(f"minimq: the broker at {self._broker} answers", err=True)


def _show_event(event: Gap | Rewound | Trimmed, as_json: bool) -> None:
    """Show a gap among the records, and whatever else is worth knowing beside them."""
    from mq.cli.render import gap_json

    if isinstance(event, Gap) and as_json:
        typer.echo(gap_json(event))
    else:
        typer.echo(f"minimq: {event}", err=True)
