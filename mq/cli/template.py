"""Templates: a line for each record, with fields of it in braces. Pure.

Fields are looked up in maps and lists only, never as attributes, and what comes out of a record is made printable.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from string import Formatter
from typing import Any, NamedTuple

from mq.cli.render import SECOND_NS, clock, json_line, printable, readable
from mq.client.message import Message

NOTHING = "-"
TIMES = ("time", "produced")
WIDTH_MAX = 10_000
_ESCAPES = {r"\t": "\t", r"\n": "\n", r"\\": "\\"}


class BadTemplate(ValueError):
    """A text that is no template."""


class Piece(NamedTuple):
    """Text, and the field behind it, if there is one."""

    text: str
    path: tuple[str, ...] | None
    spec: str


class Template:
    """A parsed template. Raises `BadTemplate`."""

    def __init__(self, text: str) -> None:
        try:
            found = list(Formatter().parse(text))
        except ValueError as error:
            raise BadTemplate(f"{text!r}: {error}") from None
        self._pieces = [_piece(*each) for each in found]

    def line(self, message: Message) -> str:
        """Return what a record makes of it."""
        body = readable(message.body)
        return "".join(piece.text + (_shown(piece, message, body) if piece.path else "") for piece in self._pieces)


def _piece(text: str, name: str | None, spec: str | None, conversion: str | None) -> Piece:
    for written, meant in _ESCAPES.items():
        text = text.replace(written, meant)
    if name is None:
        return Piece(text, None, "")
    path = tuple(name.split("."))
    if conversion is not None or not all(path):
        raise BadTemplate(f"{{{name}}} is not a field: write its name, as {{topic}}, {{value:.1f}}, {{time:%H:%M}}")
    if "{" in (spec or "") or any(
        len(digits) > len(str(WIDTH_MAX)) or int(digits) > WIDTH_MAX for digits in _numbers(spec or "")
    ):
        raise BadTemplate(f"{{{name}:{spec}}}: a format holds no braces, and no number above {WIDTH_MAX:,}")
    return Piece(text, path, spec or "")


def _numbers(spec: str) -> list[str]:
    return "".join(each if each.isascii() and each.isdigit() else " " for each in spec).split()


def _shown(piece: Piece, message: Message, body: Any) -> str:
    name, *rest = piece.path or ("",)
    if name in TIMES and not rest:
        return _time(getattr(message, name), piece.spec)
    it = _look_up(message, body, name, rest)
    if it is None:
        return _formatted(NOTHING, piece.spec)
    return _formatted(it, piece.spec)


def _look_up(message: Message, body: Any, name: str, rest: list[str]) -> Any:
    """Return what a name stands for: what the record has itself, else what its body has under it."""
    if not rest and name in ("topic", "offset"):
        return getattr(message, name)
    it, path = (body, rest) if name == "body" else (body, [name, *rest])
    for key in path:
        if isinstance(it, dict):
            it = it.get(key)
        elif isinstance(it, list) and key.isascii() and key.isdigit() and int(key) < len(it):
            it = it[int(key)]
        else:
            return None
    return it


def _formatted(it: Any, spec: str) -> str:
    """Return it by its format, or by as much of that as text can follow where it is no number."""
    if isinstance(it, bool) or not isinstance(it, (int, float, str)):
        it = json_line(it)
    attempts: tuple[Callable[[], str], ...] = (lambda: format(it, spec), lambda: format(str(it), _for_text(spec)))
    for attempt in attempts:
        try:
            return printable(attempt())
        except (ValueError, OverflowError):
            continue
    return printable(str(it))


def _for_text(spec: str) -> str:
    """Return the width of a number's format, to the right as numbers are."""
    width = spec.lstrip("<>^=+- #0").partition(".")[0].rstrip("bcdeEfFgGnosxX%,_")
    return f"{'<' if spec.startswith('<') else '>'}{width}" if width.isdigit() else ""


def _time(time: int, spec: str) -> str:
    if not spec:
        return clock(time)
    try:
        moment = datetime.fromtimestamp(time // SECOND_NS, UTC).astimezone()
        return printable(moment.replace(microsecond=time % SECOND_NS // 1000).strftime(spec))
    except (ValueError, OverflowError, OSError):
        return clock(time)
