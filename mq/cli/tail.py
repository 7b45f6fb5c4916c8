"""``minimq tail``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from mq.cli import options
from mq.cli.events import show_event
from mq.cli.output import nobody_reads
from mq.cli.points import HELP, Point, parse_point
from mq.errors import Gap, Rewound, Trimmed, Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mq.client.message import Message
    from mq.client.subscriber import Subscriber

LOOK_EVERY_S = 1.0
PATIENCE_S = 2.0


def tail(
    patterns: options.Patterns,
    start: Annotated[str, typer.Option("--from", metavar="POINT", help=f'Begin at {HELP}; or "live".')] = "live",
    follow: Annotated[
        bool, typer.Option("--follow/--no-follow", "-f", help="Go on with what comes, or end with what there is.")
    ] = True,
    count: options.Count = None,
    broker: options.Broker = options.BROKER,
    as_json: options.Json = False,
    template: options.Template = None,
    color: Annotated[
        Literal["auto", "always", "never"],
        typer.Option(help="Each topic in a colour of its own: auto is on a terminal, unless NO_COLOR is set."),
    ] = "auto",
) -> None:
    """Print records as they come, until Ctrl-C; with --from, those of before first.

    \b
    minimq tail '#'
    minimq tail 'host/+/cpu' notes --from -15m
    minimq tail 'host/#' --from -1h --no-follow --json
    minimq tail 'host/+/cpu' --template '{time:%H:%M:%S} {topic:<24} {value:5.1f} %'

    A template names fields in braces: topic, offset, time, produced, body; any other is one of the body, if that is a
    map: value, or mounts.0.percent. Behind a colon stands a format, as Python's; of the two times it is strftime's. A
    field that a record has not is shown as "-".

    A broker that is away is waited for. With --no-follow the topics come one after another.
    """
    from mq.cli.styles import chosen_style
    from mq.client.subscriber import Subscriber

    show = chosen_style(as_json=as_json, template=template, color=color)
    point: Point | Literal["live"] = "live" if start == "live" else parse_point(start, "--from")
    if not follow:
        _print(_there_is(broker, patterns, point), show, count, as_json)
        return
    with Subscriber(broker, patterns, point) as subscriber:
        _print(_what_comes(subscriber, broker), show, count, as_json)


Event = Gap | Rewound | Trimmed


def _print(found: Iterator[Message | Event], show: Any, count: int | None, as_json: bool) -> None:
    if count == 0:
        return
    printed = 0
    for each in found:
        if isinstance(each, (Gap, Rewound, Trimmed)):
            show_event(each, as_json)
            continue
        typer.echo(show(each), color=True)  # as it is: colours were decided on already
        printed += 1
        if printed == count:
            return


def _what_comes(subscriber: Subscriber, broker: str) -> Iterator[Message | Event]:
    """Yield what is received, until nobody reads it any more."""
    presence = _Presence(broker)
    while True:
        try:
            message = subscriber.receive(LOOK_EVERY_S)
        except (Gap, Rewound, Trimmed) as event:
            yield event
            continue
        if message is not None:
            yield message
        elif nobody_reads():
            raise BrokenPipeError
        else:
            presence.look(connected=subscriber.connected)


def _there_is(broker: str, patterns: list[str], point: Point | Literal["live"]) -> Iterator[Message | Event]:
    """Yield what the journal holds from a point on, one topic after another."""
    from mq.client.ranges import find_ranges, read_range

    if point == "live":
        raise typer.BadParameter("there is nothing live without --follow: say from where", param_hint="'--from'")
    for each in find_ranges(broker, patterns, point, None):
        yield from (item for batch in read_range(broker, each) for item in _items(batch))


def _items(batch: Any) -> Iterator[Message | Event]:
    if isinstance(batch, (Gap, Rewound, Trimmed)):
        yield batch
    else:
        yield from batch.messages()


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
