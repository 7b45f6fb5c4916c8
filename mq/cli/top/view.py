"""What somebody wants to see: the keys, and what each changes. Decides only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TypeVar

from mq.cli.top.hosts import HostOrder
from mq.cli.top.topic_table import Order

KEYS = (
    ("q", "quit"),
    ("p", "pause"),
    ("s", "sort topics"),
    ("n", "sort nodes"),
    ("?", "help"),
)

Choice = TypeVar("Choice", bound=Enum)


@dataclass(frozen=True, slots=True)
class View:
    """How things are shown. What is `paused` is neither asked for nor drawn anew."""

    topics: Order = Order.RECORDS
    hosts: HostOrder = HostOrder.NAME
    paused: bool = False
    help: bool = False
    over: bool = False


def pressed(view: View, key: str) -> View:
    """Return what a key makes of a view; one that means nothing changes nothing."""
    match key:
        case "q" | "Q":
            return replace(view, over=True)
        case "p" | " ":
            return replace(view, paused=not view.paused)
        case "s":
            return replace(view, topics=_next(view.topics))
        case "n":
            return replace(view, hosts=_next(view.hosts))
        case "?" | "h":
            return replace(view, help=not view.help)
    return view


def _next(choice: Choice) -> Choice:
    """Return the choice behind this one, after the last the first."""
    kinds = list(type(choice))
    return kinds[(kinds.index(choice) + 1) % len(kinds)]
