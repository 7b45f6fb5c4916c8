"""The segments kept open for appending: a bounded number, the one longest unused closed first.

Of what the process may open they take no more than half: each connection takes one too. Where connections take more
than the other half, fewer segments are kept open from then on, so that appending goes on, only slower.
"""

from __future__ import annotations

import errno
import os
import resource
from collections import OrderedDict

from mq.journal.files import Files

OPEN_LEAST = 8
NONE_LEFT = frozenset({errno.EMFILE, errno.ENFILE})


class OpenFiles:
    """Descriptors by path. Used by the appending thread alone."""

    def __init__(self, files: Files, limit: int) -> None:
        self._files = files
        self._limit = min(limit, max(OPEN_LEAST, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2))
        self._open: OrderedDict[str, int] = OrderedDict()

    def get(self, path: str, *, new: bool = False) -> int:
        """Return a descriptor that appends to a file, which only if it is `new` may not exist yet."""
        descriptor = self._open.get(path)
        if descriptor is not None:
            self._open.move_to_end(path)
            return descriptor
        self._keep(self._limit - 1)
        flags = os.O_WRONLY | os.O_APPEND | (os.O_CREAT if new else 0)
        try:
            descriptor = self._files.open(path, flags)
        except OSError as error:
            if error.errno not in NONE_LEFT or not self._open:
                raise
            self._give_back()
            descriptor = self._files.open(path, flags)
        self._open[path] = descriptor
        return descriptor

    def forget(self, path: str) -> None:
        """Close one, if it is open."""
        descriptor = self._open.pop(path, None)
        if descriptor is not None:
            self._files.close(descriptor)

    def close(self) -> None:
        """Close all."""
        self._keep(0)

    def _give_back(self) -> None:
        """Do with half of those that are open now; readers and marks need one now and then as well."""
        half = len(self._open) // 2
        self._limit = max(OPEN_LEAST, half)
        self._keep(half)

    def _keep(self, count: int) -> None:
        while len(self._open) > count:
            self._files.close(self._open.popitem(last=False)[1])
