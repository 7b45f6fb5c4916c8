"""``docs/cli.md`` from the help: ``python tests/docs/cli_reference.py`` writes anew what is below the mark in it.

Above the mark stands what is said by hand.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from mq.cli.app import app

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"
MARK = "<!-- From here on written by tests/docs/cli_reference.py, from the help. -->"
PROGRAM = "minimq"
ASKED_FOR_HELP = "help"


def reference() -> str:
    """Return the page as it is to be."""
    by_hand, mark, _ = PAGE.read_text("utf-8").partition(MARK)
    assert mark, f"{PAGE} has no mark"
    return by_hand + mark + "\n" + "".join(sections(typer.main.get_command(app), PROGRAM, "##"))


def sections(command: Any, words: str, level: str) -> Iterator[str]:
    """Yield what there is to know of a command, and of those below it."""
    context = typer.Context(command, info_name=words)
    yield f"\n{level} `{words}`\n"
    if not hasattr(command, "commands"):
        yield f"\n```\n{' '.join([words, *command.collect_usage_pieces(context)])}\n```\n"
    yield from (f"\n{each}\n" for each in paragraphs(command.help))
    rows = [(each.param_type_name, each.get_help_record(context)) for each in command.get_params(context)]
    for kind in ("argument", "option"):
        yield from table(kind, [it for of_kind, it in rows if it and of_kind == kind and ASKED_FOR_HELP not in it[0]])
    for name, each in getattr(command, "commands", {}).items():
        yield from sections(each, f"{words} {name}", "##" if words == PROGRAM else "###")


def paragraphs(text: str) -> Iterator[str]:
    """Yield the paragraphs of a help text; what is not to be wrapped there is to be typed."""
    for each in inspect.cleandoc(text).split("\n\n"):
        lines = [line.strip() for line in each.splitlines()]
        if lines[0] == "\b":
            yield "\n".join(["```", *lines[1:], "```"])
        else:
            yield plain(" ".join(lines))


def table(kind: str, rows: list[tuple[str, str]]) -> Iterator[str]:
    """Yield a table of arguments or of options, if there are any."""
    if rows:
        yield f"\n| {kind} | meaning |\n|---|---|\n"
    yield from (f"| `{typed(name)}` | {plain(meaning)} |\n" for name, meaning in rows)


def typed(name: str) -> str:
    """Return an argument or an option as it is to be typed, without the types that Typer names."""
    return re.sub(r" <(?:str|list\[str\])>", "", name).replace("|", "\\|")


def plain(text: str) -> str:
    """Return text that Markdown leaves as it is."""
    return "".join(f"\\{each}" if each in "*<>|[]_`" else each for each in " ".join(text.split()))


if __name__ == "__main__":
    PAGE.write_text(reference(), "utf-8")
