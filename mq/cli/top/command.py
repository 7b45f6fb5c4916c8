"""``minimq top``: a broker as it is right now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mq.cli import options

if TYPE_CHECKING:
    from rich.console import Console

    from mq.cli.top.picture import Picture

INTERVAL_S_MIN = 0.2
WIDTH_ONCE = 110
ROWS_ONCE = 20


def top(
    broker: options.Broker = options.BROKER,
    interval: Annotated[
        float, typer.Option("--interval", "-i", min=INTERVAL_S_MIN, metavar="SECONDS", help="How often to look.")
    ] = 1.0,
    once: Annotated[bool, typer.Option("--once", help="Print what is known after one interval, and stop.")] = False,
    timeout: options.Timeout = options.TIMEOUT_S,
) -> None:
    """Watch a broker: nodes, topics and their rates, consumers and subscribers and their lag, and losses if any.

    \b
    minimq top
    minimq top --interval 5
    minimq top --once

    Keys: q quits, p pauses, s and n sort topics and nodes by something else, ? explains. It takes what room the
    terminal has. A broker that is away is waited for. Where the output is no terminal, it is as with --once.

    It asks, and subscribes to nothing. Long lists it asks for in pages, and rests nineteen times as long as they took.
    """
    import os
    import sys

    from rich.console import Console

    from mq.cli.top.picture import Picture
    from mq.cli.top.watching import Watching

    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else WIDTH_ONCE
    console = Console(width=width, markup=False, highlight=False, emoji=False)
    picture = Picture(broker)
    if once or not sys.stdout.isatty() or console.is_dumb_terminal:
        _print_once(console, picture, interval, timeout)
    else:
        Watching(console, picture, interval).run()


def _print_once(console: Console, picture: Picture, interval_s: float, timeout_s: float) -> None:
    import time

    from mq.cli.top.drawing import snapshot
    from mq.cli.top.looks import Looks
    from mq.cli.top.topic_table import FIRST_S
    from mq.cli.top.view import View
    from mq.client.link import Link

    view = View()
    with Link(picture.broker, timeout_s) as link:
        looks = Looks(link, picture, interval_s, lambda: view.topics)
        looks.all()
        time.sleep(max(interval_s, FIRST_S))
        looks.all()
    console.print(snapshot(picture, view, console.width, ROWS_ONCE, time.monotonic()))
