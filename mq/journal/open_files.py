"""The segments kept open for appending: a bounded number, the one longest unused closed first."""

from __future__ import annotations

import os
import resource
from collections import OrderedDict

from mq.journal.files import Files

OPEN_LEAST = 8
OPEN_FOR_OTHERS = 128


class OpenFiles:
    """Descriptors by path. Used by the appending thread alone."""

    def __init__(self, files: Files, limit: int) -> None:
        self._files = files
        self._limit = min(limit, max(OPEN_LEAST, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - OPEN_FOR_OTHERS))
        self._open: OrderedDict[str, int] = OrderedDict()

    def get(self, path: str, *, new: bool = False) -> int:
        """Return a descriptor that appends to a file, which only if it is `new` may not exist yet."""
        descriptor = self._open.get(path)
        if descriptor is not None:
            self._open.move_to_end(path)
            return descriptor
        while len(self._open) >= self._limit:
            self._files.close(self._open.popitem(last=False)[1])
        descriptor = self._files.open(path, os.O_WRONLY | os.O_APPEND | (os.O_CREAT if new else 0))
        self._open[path] = descriptor
        return descriptor

    def forget(self, path: str) -> None:
        """Close one, if it is open."""
        descriptor = self._open.pop(path, None)
        if descriptor is not None:
            self._files.close(descriptor)

    def close(self) -> None:
        """Close all."""
        while self._open:
            self._files.close(self._open.popitem()[1])
