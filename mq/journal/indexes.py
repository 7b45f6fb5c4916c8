"""The indexes of segments: loaded when they are needed, made good from the log, written back when they were not."""

from __future__ import annotations

import logging
import os
from collections import OrderedDict
from contextlib import suppress
from threading import Lock

from mq.frame import HEADER_SIZE, header_at
from mq.journal import index as indexing
from mq.journal.files import Files, read_whole
from mq.journal.index import ENTRY_SIZE, Entry, Index
from mq.journal.layout import index_path
from mq.journal.scan import scan
from mq.journal.segment import Segment, SegmentReader
from mq.journal.window import Floor, Found, Read, Window

_log = logging.getLogger(__name__)

INTERVAL_LEAST = 1024


class Indexes:
    """A way to each index. Those of closed segments are held a bounded number at a time.

    Whoever needs an index makes it, outside the lock: a long log does not hold up the thread that appends. A file that
    cannot be read or written costs time later, and nothing else.
    """

    def __init__(self, files: Files, interval: int, limit: int = 64) -> None:
        self._files = files
        self._interval = interval
        self._limit = limit
        self._closed: OrderedDict[str, Index] = OrderedDict()
        self._lock = Lock()

    def get(self, segment: Segment, name: bytes, size: int) -> Index:
        """Return the index of a segment of topic `name` (with its NUL), `size` bytes of which are written."""
        index = segment.index
        if index is not None:
            return index
        with self._lock:
            index = self._closed.get(segment.path)
            if index is not None:
                self._closed.move_to_end(segment.path)
                return index
        index, filed = self._load(segment, name, size)
        self._complete(index, segment, name, size)
        return self._keep(index, segment, name, size, filed)

    def rebuild(self, segment: Segment, name: bytes, size: int) -> Index:
        """Make an index anew from the log, after the one that there was turned out wrong."""
        index = Index()
        self._complete(index, segment, name, size)
        return self._keep(index, segment, name, size, 0, instead=True)

    def flush(self, segment: Segment, name: bytes) -> None:
        """Write the entries of an active segment that are not in its file yet."""
        with self._lock:
            index = segment.index
            if (
                index is not None
                and len(index) > segment.indexed
                and self._store(index, segment, name, segment.indexed)
            ):
                segment.indexed = len(index)

    def close_segment(self, segment: Segment, name: bytes) -> None:
        """Write what is left of the index of a segment that was the active one, and stop holding it."""
        self.flush(segment, name)
        with self._lock:
            segment.active = False
            segment.index = None

    def remove(self, segment: Segment) -> None:
        """Delete a closed segment's index, and stop holding it. Raises `OSError`."""
        with self._lock:
            self._closed.pop(segment.path, None)
        with suppress(FileNotFoundError):
            self._files.remove(index_path(segment.path))

    def _keep(
        self, index: Index, segment: Segment, name: bytes, size: int, filed: int, *, instead: bool = False
    ) -> Index:
        """Hold an index, the first `filed` entries of which are in its file, unless another one came first."""
        with self._lock:
            if segment.active:
                if segment.index is None or instead:
                    segment.index, segment.indexed = index, filed
                return segment.index
            if size != segment.size:  # it was closed meanwhile, and this is the index of less than all of it
                return index
            self._closed[segment.path] = index
            self._closed.move_to_end(segment.path)
            while len(self._closed) > self._limit:
                self._closed.popitem(last=False)
        if len(index) > filed:
            self._store(index, segment, name, filed)
        return index

    def _load(self, segment: Segment, name: bytes, size: int) -> tuple[Index, int]:
        """Return the index in the file, and how many entries need not be written again."""
        try:
            data = read_whole(self._files, index_path(segment.path), (size // INTERVAL_LEAST + 2) * ENTRY_SIZE)
        except OSError:
            return Index(), 0
        index = indexing.decode(data, indexing.seed(name, segment.base), size)
        if len(index) and not self._agrees(index, segment, name):
            return Index(), 0
        return index, len(index) if len(data) == len(index) * ENTRY_SIZE else 0

    def _agrees(self, index: Index, segment: Segment, name: bytes) -> bool:
        """Whether the first and the last entry are what the log says, so that this is not some older log's index."""
        with SegmentReader(self._files, segment.path) as read:
            return is_in_log(read, name, index[0]) and is_in_log(read, name, index[-1])

    def _complete(self, index: Index, segment: Segment, name: bytes, size: int) -> None:
        """Add what is missing at the end, by reading the log."""
        last = index[-1] if len(index) else Entry(segment.base, 0, 0, 0)
        if size == 0 or (len(index) and size - last.position <= 2 * self._interval):
            return
        with SegmentReader(self._files, segment.path) as read:
            floor = Floor(last.offset, last.epoch, last.appended)
            for event in scan(Window(read, size), name, last.position, floor, segment.limit):
                if isinstance(event, Found):
                    note(index, event, self._interval)

    def _store(self, index: Index, segment: Segment, name: bytes, start: int) -> bool:
        """Write the entries from number `start` on, cut off what is behind them; return whether that worked."""
        entries = indexing.encode(index, start, indexing.seed(name, segment.base))
        path, size = index_path(segment.path), len(index) * ENTRY_SIZE
        try:
            descriptor = self._files.open(path, os.O_WRONLY | os.O_CREAT)
            try:
                self._files.write_at(descriptor, entries, start * ENTRY_SIZE)
            finally:
                self._files.close(descriptor)
            if self._files.size(path) > size:
                self._files.truncate(path, size)
        except OSError as error:
            _log.debug("%s: %s: the index is not written", path, error.strerror)
            return False
        return True


def is_in_log(read: Read, name: bytes, entry: Entry) -> bool:
    """Whether a frame's header stands where an entry says, and is as it says."""
    header = header_at(read(entry.position, len(name) + HEADER_SIZE), 0, name)
    if header is None:
        return False
    return (header.offset, header.appended, header.epoch) == (entry.offset, entry.appended, entry.epoch)


def note(index: Index, found: Found, interval: int) -> None:
    """Add a frame to an index if it is far enough behind the last one there."""
    if index.end < 0 or found.start - index.end >= interval:
        header = found.header
        index.add(Entry(header.offset, header.appended, found.start, header.epoch))
