"""How far a long look is, shown on a terminal beside the result."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer


@contextmanager
def progress(label: str) -> Iterator[Callable[[int, int], None] | None]:
    """Show how far it is; yield what to tell it (done, all), None where nobody watches."""
    if not sys.stderr.isatty():
        yield None
        return
    with typer.progressbar(length=0, label=label, file=sys.stderr) as bar:

        def tell(done: int, whole: int) -> None:
            bar.length = whole
            bar.update(done - bar.pos)

        yield tell
