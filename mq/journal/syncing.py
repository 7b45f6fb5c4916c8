"""What is written and not yet on the disk, and getting it there. Used by the appending thread alone.

Few files are synced one by one, many by one ``syncfs``; so are those for which no descriptor is to be had.
"""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable, Iterable

from mq.journal.files import Files
from mq.journal.topic_log import TopicLog

_log = logging.getLogger(__name__)

SYNC_ONE_BY_ONE_MAX = 32


class Syncing:
    """Logs and directories that await a sync. Whatever is raised as `OSError` is a sync that failed."""

    def __init__(self, files: Files, data: str) -> None:
        self._files = files
        self._descriptor = files.open(data, os.O_RDONLY | os.O_DIRECTORY)
        self.dirty: set[TopicLog] = set()
        self.directories: set[str] = set()
        self._moved: set[TopicLog] = set()
        self._marked: set[TopicLog] = set()
        self._marks_fail = False

    def add_unsynced(self, log: TopicLog, directories: Iterable[str]) -> None:
        """See to it that the next sync covers what an earlier life wrote and did not sync, and what was mended now."""
        self.directories.update(directories)
        if log.broken is None:
            self.dirty.add(log)

    def sync(self) -> None:
        """Make durable all that has been written, and where it is written down that it exists."""
        dirty, self.dirty = self.dirty, set()
        directories, self.directories = self.directories, set()
        calls: list[Callable[[], None]] = [log.sync for log in dirty]
        calls += [lambda path=path: self._files.sync_directory(path) for path in directories]  # type: ignore[misc]
        self._sync(calls)
        self._moved |= dirty

    def sync_log(self, log: TopicLog) -> None:
        """Make durable what has been written of one log, before it is never asked for again."""
        self._sync([log.sync])

    def sync_directory(self, path: str) -> None:
        """Make durable what a directory holds, if that has changed since the last sync."""
        if path in self.directories:
            self._sync([lambda: self._files.sync_directory(path)])
            self.directories.discard(path)

    def sync_marks(self) -> None:
        """Make the marks durable that `write_marks` has written."""
        marked, self._marked = self._marked, set()
        self._sync([log.sync_mark for log in marked])

    def write_marks(self) -> None:
        """Write the marks and index entries of logs that have been synced. One that fails is written the next time."""
        moved, self._moved = self._moved, set()
        failed: OSError | None = None
        for log in moved:
            log.flush_index()
            try:
                log.write_mark()
                self._marked.add(log)
            except OSError as error:
                self._moved.add(log)
                failed = error
        if failed is not None and not self._marks_fail:
            _log.warning("%s: %s: no mark, the next opening reads more", failed.filename, failed.strerror)
        self._marks_fail = failed is not None

    def close(self) -> None:
        """Let go."""
        self._files.close(self._descriptor)

    def _sync(self, calls: Iterable[Callable[[], None]]) -> None:
        calls = list(calls)
        if len(calls) <= SYNC_ONE_BY_ONE_MAX:
            try:
                for call in calls:
                    call()
            except OSError as error:
                if error.errno not in {errno.EMFILE, errno.ENFILE}:
                    raise
            else:
                return
        self._files.sync_filesystem(self._descriptor)
        self._marked.clear()
