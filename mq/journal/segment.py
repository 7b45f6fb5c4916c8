"""A segment: one file of frames, named by its first offset."""

from __future__ import annotations

import errno
import os
from itertools import pairwise

from mq.journal.files import Files
from mq.journal.index import Index
from mq.journal.layout import segment_name
from mq.journal.window import NO_LIMIT

BLOCK_BYTES = 4096


class Segment:
    """`size` and `limit`, the offset it ends below, are final once it is closed; of the active one the state tells.

    So is `appended`, a time at or after its last record's, -1 while nobody has asked. `index` is held for the active
    one only; `indexed` of its entries are in its file.
    """

    __slots__ = ("active", "appended", "base", "index", "indexed", "limit", "path", "size")

    def __init__(self, directory: str, base: int, size: int) -> None:
        self.path = os.path.join(directory, segment_name(base))
        self.base = base
        self.size = size
        self.limit = NO_LIMIT
        self.appended = -1
        self.active = False
        self.index: Index | None = None
        self.indexed = 0

    @classmethod
    def fresh(cls, directory: str, base: int) -> Segment:
        """Return an active segment that nothing is in yet."""
        segment = cls(directory, base, 0)
        segment.active = True
        segment.index = Index()
        return segment


class SegmentReader:
    """One opening of a segment's file for reading: what was deleted meanwhile can be read to its end.

    Where the disk gives an error it reads as zeros, which is damage like any other; `unreadable` is where that was
    first, -1 while it was not.
    """

    def __init__(self, files: Files, path: str) -> None:
        self._files = files
        self._descriptor = files.open(path, os.O_RDONLY)
        self.unreadable = -1

    def __enter__(self) -> SegmentReader:
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close(self._descriptor)

    def __call__(self, at: int, size: int) -> bytes:
        """Return up to `size` bytes at `at`."""
        try:
            return self._files.read_at(self._descriptor, size, at)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
        edges = [at, *range(at - at % BLOCK_BYTES + BLOCK_BYTES, at + size, BLOCK_BYTES), at + size]
        return b"".join(self._block(start, stop - start) for start, stop in pairwise(edges))

    def _block(self, at: int, size: int) -> bytes:
        try:
            return self._files.read_at(self._descriptor, size, at)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            self.unreadable = at if self.unreadable < 0 else self.unreadable
            return bytes(size)
