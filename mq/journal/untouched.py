"""A way to the files of a data directory by which nothing in it can be changed."""

from __future__ import annotations

import errno
import os
from typing import NoReturn

from mq.journal.files import Files

_CHANGING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


class Untouched(Files):
    """Other files, read only: what would change one fails as on a disk that can only be read."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def open(self, path: str, flags: int) -> int:
        """Open a file to be read."""
        if flags & _CHANGING:
            _refuse(path)
        return self._files.open(path, flags)

    def close(self, descriptor: int) -> None:
        """Close a descriptor."""
        self._files.close(descriptor)

    def read_at(self, descriptor: int, size: int, position: int) -> bytes:
        """Read up to `size` bytes at a position."""
        return self._files.read_at(descriptor, size, position)

    def size(self, path: str) -> int:
        """Return a file's size in bytes."""
        return self._files.size(path)

    def names(self, path: str) -> list[str]:
        """Return the names in a directory."""
        return self._files.names(path)

    def truncate(self, path: str, size: int) -> None:  # noqa: ARG002 - it is refused, whatever the size
        """Refuse."""
        _refuse(path)

    def make_directory(self, path: str) -> None:
        """Refuse."""
        _refuse(path)

    def rename(self, source: str, target: str) -> None:  # noqa: ARG002 - it is refused, whatever the source
        """Refuse."""
        _refuse(target)

    def remove_directory(self, path: str) -> None:
        """Refuse."""
        _refuse(path)

    def remove(self, path: str) -> None:
        """Refuse."""
        _refuse(path)


def _refuse(path: str) -> NoReturn:
    raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)
