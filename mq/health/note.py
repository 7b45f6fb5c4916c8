"""The note that a program leaves of how it is to be asked, or how it fares, in the file that ``MINIMQ_HEALTH`` names.

A line each, a word and what it says; a word may stand in several::

    url http://127.0.0.1:8080/viewer/metadata     answers 200 while all is well
    broker tcp://broker:5557                      is to be reached
    until 1234.5                                  by the clock that only goes forward, there is a newer note
    trouble no broker answers at tcp://…          what is wrong, and what to do

The image names a file; where nobody does, nothing is written.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import NamedTuple

VARIABLE = "MINIMQ_HEALTH"
NOTE_BYTES_MAX = 16_384
EVERY_ADDRESS = {"//*:": "//127.0.0.1:", "//0.0.0.0:": "//127.0.0.1:", "//[::]:": "//[::1]:"}


class Note(NamedTuple):
    """What a program says of itself."""

    url: str = ""
    broker: str = ""
    until: float | None = None
    troubles: tuple[str, ...] = ()


def leave(note: Note, environ: Mapping[str, str]) -> None:
    """Put a note in the place of the one before. Nobody's work stops because it cannot be written."""
    path = environ.get(VARIABLE)
    if not path:
        return
    with suppress(OSError):
        with open(f"{path}.new", "w", encoding="utf-8", errors="backslashreplace") as file:
            file.writelines(_lines(note))
        os.replace(f"{path}.new", path)


def read(path: str) -> Note:
    """Return the note that was left. Raises `OSError`; what is no line of a note is passed over."""
    with open(path, encoding="utf-8", errors="replace") as file:
        pairs = [line.rstrip("\n").partition(" ")[::2] for line in file.read(NOTE_BYTES_MAX).splitlines()]
    said = dict(pairs)
    troubles = tuple(text for word, text in pairs if word == "trouble")
    return Note(said.get("url", ""), said.get("broker", ""), _number(said.get("until", "")), troubles)


def from_here(url: str) -> str:
    """Return where this machine asks what may listen on all its addresses."""
    for every, one in EVERY_ADDRESS.items():
        url = url.replace(every, one, 1)
    return url


def _lines(note: Note) -> Iterable[str]:
    if note.url:
        yield f"url {note.url}\n"
    if note.broker:
        yield f"broker {note.broker}\n"
    if note.until is not None:
        yield f"until {note.until:.1f}\n"
    for trouble in note.troubles:
        yield f"trouble {' '.join(trouble.split())}\n"


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
