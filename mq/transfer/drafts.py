"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

DRAFT = ".draft"


@contextmanager
def published(path: Path) -> Iterator[Path]:
    """Yield the path of a draft to write; at the end it is synced and takes its name. Of a failure nothing is left."""
    draft = path.with_name(path.name + DRAFT)
    try:
        yield draft
        _sync(draft, os.O_RDONLY)
        moved(draft, path)
    except BaseException:
        with suppress(FileNotFoundError):
            draft.unlink()
        raise


def moved(whole: Path, path: Path) -> None:
    """Give a file that is whole, and synced, the name that it is to have."""
    whole.replace(path)
    _sync(path.parent, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
