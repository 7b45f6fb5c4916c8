"""How far a long work is, shown on a terminal beside the result."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Tell = Callable[[int, int | None], None]


@contextmanager
def progress(label: str, unit: str = "") -> Iterator[Tell | None]:
    """Show how far it is; yield what to tell it (done, and all if that is known), None where nobody watches.

    With a unit the number done is shown too.
    """
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = [TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()]
    if unit:
        columns.insert(2, TextColumn(f"{{task.completed:,}} {unit}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(label, total=None)

        def tell(done: int, whole: int | None) -> None:
            shown.update(task, completed=done, total=whole)

        yield tell
