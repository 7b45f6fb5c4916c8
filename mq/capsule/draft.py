"""A file that appears whole, or not at all: it is written under another name, synced, and then given its own."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from mq.errors import CapsuleUnusable

EXISTS = "exists already: name another, or replace it with --force"


@contextmanager
def draft(path: str, *, force: bool) -> Iterator[BinaryIO]:
    """Yield a file to write to, which becomes `path` at the end of the block; raised through, it is deleted.

    Raises `CapsuleUnusable` where `path` is there already, unless it is to be replaced, and `OSError`.
    """
    if os.path.isdir(path) or (not force and os.path.lexists(path)):
        raise CapsuleUnusable(path, "is a directory: name a file" if os.path.isdir(path) else EXISTS)
    directory, name = os.path.split(os.path.abspath(path))
    hidden = os.path.join(directory, f".{name}.{secrets.token_hex(4)}.draft")
    with open(hidden, "xb") as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            _publish(hidden, path, force=force)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(hidden)
    _sync_directory(directory)


def _publish(hidden: str, path: str, *, force: bool) -> None:
    """Give it its name. A link, unlike a renaming, replaces nothing that came to be meanwhile."""
    if force:
        os.replace(hidden, path)
        return
    try:
        os.link(hidden, path)
    except FileExistsError:
        raise CapsuleUnusable(path, EXISTS) from None


def _sync_directory(directory: str) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
