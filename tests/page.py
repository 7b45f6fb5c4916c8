"""A page of the documentation as what is to be typed: its fenced blocks, one after another.

A ``text`` block directly behind another one is what that one prints, where ``…`` stands for anything.
"""

from __future__ import annotations

import doctest
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Step:
    """One block: `kind` is its language, `line` where its text begins, `said` what the page says that it prints."""

    kind: str
    text: str
    line: int
    said: str | None


def steps_of(page: Path) -> list[Step]:
    """Return what is to be typed on a page, in order."""
    return list(_steps(page.read_text("utf-8")))


def _steps(text: str) -> Iterator[Step]:
    tokens = MarkdownIt().parse(text)
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type == "fence" and token.info not in ("", "text"):
            shows = following is not None and following.type == "fence" and following.info == "text"
            first = token.map[0] + 1 if token.map else 0
            yield Step(token.info, token.content, first, following.content if following and shows else None)


def is_said(wanted: str, said: str) -> bool:
    """Whether a text is as a page shows it, where blanks are blanks however many."""
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    return doctest.OutputChecker().check_output(wanted.replace("…", "..."), said, flags)
