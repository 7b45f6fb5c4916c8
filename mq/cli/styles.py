"""How a run shows records: as JSON, by a template, or as lines in colours."""

from __future__ import annotations

import os
import sys
import zlib
from collections.abc import Callable
from typing import Literal

import typer

from mq.cli.render import record_json, record_line
from mq.client.message import Message

COLORS = (36, 32, 33, 35, 34, 96, 92, 93, 95, 94)  # of ECMA-48's foreground; red is for what is wrong
DIM, PLAIN = "\x1b[2m", "\x1b[0m"

Style = Callable[[Message], str]


def chosen_style(*, as_json: bool, template: str | None, color: Literal["auto", "always", "never"] = "never") -> Style:
    """Return what makes a line of a record. Raises `BadParameter` for a template that is none."""
    if template is not None and as_json:
        raise typer.BadParameter("a template and --json exclude each other", param_hint="'--template'")
    if template is not None:
        from mq.cli.template import BadTemplate, Template

        try:
            return Template(template).line
        except BadTemplate as error:
            raise typer.BadParameter(str(error), param_hint="'--template'") from None
    if as_json:
        return record_json
    return colored_line if _in_color(color) else record_line


def colored_line(message: Message) -> str:
    """Return the usual line: the topic in a colour that is its own, time and offset faint."""
    time, topic, offset, text = record_line(message).split("  ", 3)
    color = COLORS[zlib.crc32(topic.encode()) % len(COLORS)]
    return f"{DIM}{time}{PLAIN}  \x1b[{color}m{topic}{PLAIN}  {DIM}{offset}{PLAIN}  {text}"


def _in_color(color: Literal["auto", "always", "never"]) -> bool:
    if color != "auto":
        return color == "always"
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
