"""A mutant: the product with one of its guards taken out, and the tests that have to miss it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import cache_from_source
from pathlib import Path
from typing import NamedTuple


class Moved(Exception):
    """The code that a mutant changes is not there, or is there more than once."""


class Mutant(NamedTuple):
    """In `file`, where it stands exactly once, `old` is replaced by `new`: that takes out the guard.

    Each of `tests` has to turn red: a test's id, with all its cases or one of them.
    """

    name: str
    guard: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def find(self, tree: Path) -> str:
        """Return the text of the file that is changed. Raises `Moved`."""
        text = (tree / self.file).read_text()
        found = text.count(self.old)
        if found != 1:
            raise Moved(
                f"{self.file} has {found} times, and not once, what the mutant {self.name!r} replaces: {self.old!r}. "
                "The code has moved on: adapt the mutant in tests/mutants"
            )
        return text

    @contextmanager
    def applied(self, tree: Path) -> Iterator[None]:
        """Take the guard out of the product in `tree`, and put it back in the end. Raises `Moved`."""
        text = self.find(tree)
        path = tree / self.file
        compiled = Path(cache_from_source(str(path)))  # may be of the same size and second as what it is not of
        path.write_text(text.replace(self.old, self.new))
        compiled.unlink(missing_ok=True)
        try:
            yield
        finally:
            path.write_text(text)
            compiled.unlink(missing_ok=True)
