"""The public surface as text, one line a thing: ``python tests/docs/public_surface.py`` writes the list anew.

Whoever changes a line of it changes what programs rely on: ``docs/compatibility.md`` says how that is done.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer

import mq
from mq.cli.app import app
from mq.config import NUMBERS
from mq.errors import MqError
from mq.gateway.operations import OPERATIONS

LIST = Path(__file__).with_name("public_surface.txt")
ROOT = Path(__file__).parents[2]
USED = ("__iter__", "__next__", "__aiter__", "__anext__", "__enter__", "__exit__")


def surface() -> str:
    """Return all of it."""
    parts = {
        "python": python(),
        "command line": commands(),
        "http": http(),
        "settings": settings(),
        "environment": variables(),
    }
    return "\n".join(f"{title}\n" + "".join(f"  {line}\n" for line in lines) for title, lines in parts.items())


def python() -> Iterator[str]:
    """Yield each public name with its signature, and its members."""
    for name in sorted(mq.__all__):
        it = getattr(mq, name)
        if inspect.isfunction(it):
            yield f"{name}{signature(it)}"
        elif isinstance(it, type):
            yield f"{name}({', '.join(base.__name__ for base in it.__bases__)})"
            yield from (f"{name}.{member}" for member in sorted(members(it)))
        else:
            yield f"{name}: {type(it).__name__}"


def members(kind: type) -> Iterator[str]:
    """Yield what a class itself has, and what its constructor sets."""
    fields = getattr(kind, "_fields", ())
    yield from (f"{each}: {kind.__annotations__[each].__forward_arg__}" for each in fields)
    for name, it in vars(kind).items():
        if isinstance(it, property) and it.fget is not None:
            yield f"{name}: {it.fget.__annotations__['return']}"
        elif inspect.isfunction(it) and not hasattr(tuple, name) and not name.startswith("_"):
            yield f"{name}{signature(it)}"
    yield from (f"{name}{signature(vars(kind)[name])}" for name in special(kind) if name in vars(kind))
    maker = vars(kind).get("__init__")
    if inspect.isfunction(maker):
        source = inspect.getsource(maker)
        set_there = re.findall(r"^        (self\.[a-z]\w*(?:, self\.\w+)*) = ", source, re.MULTILINE)
        yield from (name.removeprefix("self.") for names in set_there for name in names.split(", "))


def special(kind: type) -> tuple[str, ...]:
    """Return what of a class is used without its name; errors, and what the client makes, are made by nobody else."""
    if issubclass(kind, (MqError, tuple)):
        return ()
    return USED if kind in (mq.Ack, mq.Replay) else ("__init__", *USED)


def signature(it: Callable[..., Any]) -> str:
    """Return a signature without the quotes of its types."""
    return re.sub(r"""(: |-> )(['"])(.*?)\2""", r"\1\3", str(inspect.signature(it)))


def commands() -> Iterator[str]:
    """Yield each command with what it takes."""
    yield from sorted(_commands(typer.main.get_command(app), "minimq"))


def _commands(command: Any, words: str) -> Iterator[str]:
    if hasattr(command, "commands"):
        for name, each in command.commands.items():
            yield from _commands(each, f"{words} {name}")
        return
    taken = [each.metavar or each.name.upper() for each in command.params if each.param_type_name == "argument"]
    options = sorted(name for each in command.params for name in each.opts if each.param_type_name == "option")
    yield " ".join([words, *taken, *options])


def http() -> Iterator[str]:
    """Yield what can be asked of a gateway, with its parameters."""
    for it in OPERATIONS:
        yield " ".join([it.method, it.path.replace(":path", ""), *sorted(each.name for each in it.parameters)])


def settings() -> Iterator[str]:
    """Yield each setting of a broker with its type."""
    yield from (f"{name}: {type(it.default).__name__}" for name, it in sorted(NUMBERS.items()))


def variables() -> Iterator[str]:
    """Yield each variable of the environment that the settings' page names."""
    page = (ROOT / "docs" / "settings.md").read_text("utf-8")
    yield from sorted(set(re.findall(r"^\| `([A-Z_]+)` \|", page, re.MULTILINE)))


if __name__ == "__main__":
    LIST.write_text(surface(), "utf-8")
