"""Looking through the index of one segment: whether its file holds, and whether it says what the log says."""

from __future__ import annotations

from mq.journal import index as indexing
from mq.journal.files import Files, read_whole
from mq.journal.index import ENTRY_SIZE, Entry
from mq.journal.layout import index_path
from mq.journal.window import NO_LIMIT, Found

_INDEX_BYTES_MAX = 64 << 20


class IndexCheck:
    """The entries of an index, struck off as the log turns out to be as they say. `wrong` is what is wrong with it."""

    def __init__(self, files: Files, segment: str, name: bytes, base: int) -> None:
        self.path = index_path(segment)
        self.missing = False
        self.wrong: list[str] = []
        self._left: dict[int, Entry] = {}
        try:
            data = read_whole(files, self.path, _INDEX_BYTES_MAX)
        except FileNotFoundError:
            self.missing = True
            self.wrong.append("the index is missing")
            return
        index = indexing.decode(data, indexing.seed(name, base), NO_LIMIT)
        good = len(index) * ENTRY_SIZE
        if good != len(data):
            self.wrong.append(f"the index is damaged from byte {good} on")
        self._left = {index[place].position: index[place] for place in range(len(index))}

    def strike(self, found: Found) -> None:
        """Strike off the entry of a frame, if it is right about it."""
        header = found.header
        if self._left.get(found.start) == Entry(header.offset, header.appended, found.start, header.epoch):
            del self._left[found.start]

    def end(self, size: int) -> None:
        """See what is left at the end of a log of `size` bytes; what lies behind may have come meanwhile."""
        if stale := sum(position < size for position in self._left):
            self.wrong.append(f"{stale} entries are not what the log says")
