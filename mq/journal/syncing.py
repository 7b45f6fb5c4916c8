"""What is written and not yet on the disk, and getting it there. Used by the appending thread alone.

Few files are synced one by one, many by one ``syncfs``; so are those for which no descriptor is to be had.

While marks are written nothing is appended, so that may be given a time, and the rest waits its turn. A mark that waits
is further behind, and costs the next opening some reading; so one that would cost much does not wait.
"""

from __future__ import annotations

import errno
import logging
import os
import time
from collections.abc import Callable, Iterable
from functools import partial
from itertools import chain, takewhile
from math import inf

from mq.histogram import Histogram
from mq.journal.files import Files
from mq.journal.topic_log import TopicLog

_log = logging.getLogger(__name__)

SYNC_ONE_BY_ONE_MAX = 32
MARKS_S_MAX = 0.1
FAR_BYTES = 1 << 20
"""A log that has grown by so much while it waited for its mark waits no longer."""


class Syncing:
    """Logs and directories that await a sync. Whatever is raised as `OSError` is a sync that failed."""

    def __init__(self, files: Files, data: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._files = files
        self._clock = clock
        self._descriptor = files.open(data, os.O_RDONLY | os.O_DIRECTORY)
        self.seconds = Histogram()
        self.dirty: set[TopicLog] = set()
        self.directories: set[str] = set()
        # synced logs in the order in which they began to wait for a mark, and their sizes then
        self._moved: dict[TopicLog, int] = {}
        self._marked: set[TopicLog] = set()
        self._marks_fail = False

    def add_unsynced(self, log: TopicLog, directories: Iterable[str]) -> None:
        """See to it that the next sync covers what an earlier life wrote and did not sync, and what was mended now."""
        self.directories.update(directories)
        if log.broken is None:
            self.dirty.add(log)

    def forget(self, log: TopicLog) -> None:
        """Ask no more for a log that is to be deleted."""
        self.dirty.discard(log)
        self._moved.pop(log, None)
        self._marked.discard(log)

    def sync(self) -> None:
        """Make durable all that has been written, and where it is written down that it exists."""
        dirty, self.dirty = self.dirty, set()
        directories, self.directories = self.directories, set()
        logs = (log.sync for log in dirty)
        places = (partial(self._files.sync_directory, path) for path in directories)
        self._sync(chain(logs, places), len(dirty) + len(directories))
        for log in dirty:
            self._moved.setdefault(log, log.state.size)

    def sync_log(self, log: TopicLog) -> None:
        """Make durable what has been written of one log, before it is never asked for again."""
        self._sync([log.sync], 1)

    def sync_directory(self, path: str) -> None:
        """Make durable what a directory holds, if that has changed since the last sync."""
        if path in self.directories:
            self._sync([lambda: self._files.sync_directory(path)], 1)
            self.directories.discard(path)

    def sync_marks(self) -> None:
        """Make the marks durable that `write_marks` has written."""
        marked, self._marked = self._marked, set()
        self._sync((log.sync_mark for log in marked), len(marked))

    def has_settled(self, log: TopicLog) -> bool:
        """Whether what the mark says of a log is all there is, and on the disk."""
        return not any(log in waiting for waiting in (self.dirty, self._moved, self._marked))

    def write_marks(self, within_s: float = inf) -> None:
        """Write the marks and index entries of logs that have been synced: of all, or of as many as that time allows.

        Those that moved far while they waited come first, whatever it takes, then those that have waited longest. One
        that fails is written the next time. It says where the log is now: nothing may be appended since the sync.
        """
        ends = self._clock() + within_s
        in_time = takewhile(lambda _: self._clock() < ends, list(self._moved))
        failures = [error for log in chain(self._far(), in_time) if (error := self._mark(log)) is not None]
        if failures and not self._marks_fail:
            _log.warning("%s: %s: no mark, the next opening reads more", failures[-1].filename, failures[-1].strerror)
        self._marks_fail = bool(failures)

    def close(self) -> None:
        """Let go."""
        self._files.close(self._descriptor)

    def _far(self) -> list[TopicLog]:
        """Return the logs that have moved far. A segment that is shorter than it was is another one."""
        return [log for log, since in self._moved.items() if not since <= log.state.size < since + FAR_BYTES]

    def _mark(self, log: TopicLog) -> OSError | None:
        """Write the mark and the index entries of a log, if it still waits for that; return why that did not work."""
        since = self._moved.pop(log, None)
        if since is None:
            return None
        log.flush_index()
        try:
            log.write_mark()
        except FileNotFoundError as error:  # its directory is gone, and with it what was appended
            log.broken = f"{log.directory} has been deleted"
            return error
        except OSError as error:
            self._moved[log] = since
            return error
        self._marked.add(log)
        return None

    def _sync(self, calls: Iterable[Callable[[], None]], count: int) -> None:
        """Make so many calls, or one in place of all; how long that took is noted, unless there was nothing to do."""
        began = self._clock()
        self._sync_all(calls, count)
        if count:
            self.seconds.note(self._clock() - began)

    def _sync_all(self, calls: Iterable[Callable[[], None]], count: int) -> None:
        if count <= SYNC_ONE_BY_ONE_MAX:
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
