"""The embedded journal: files below one data directory, owned by one process."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from mq.config import Config
from mq.errors import AppendFailed
from mq.frame import Checked
from mq.journal import layout
from mq.journal.catalog import Catalog
from mq.journal.deleting import Deleting
from mq.journal.fence import Fence
from mq.journal.files import Files
from mq.journal.indexes import Indexes
from mq.journal.interface import Head, Run, Slice, TopicInfo
from mq.journal.lock import DirectoryLock
from mq.journal.logs import Logs
from mq.journal.meta import begin_epoch, outwait_a_wipe, read_epoch
from mq.journal.reading import LogReader
from mq.journal.recovery import Recovery
from mq.journal.retention import SteadyClock
from mq.journal.syncing import MARKS_S_MAX, Syncing
from mq.journal.tidying import Rules, Tidying
from mq.journal.tombstones import Tombstones
from mq.journal.topic_log import TopicLog
from mq.journal.unusable import unusable
from mq.journal.upkeep import Upkeep
from mq.topic import Pattern

_log = logging.getLogger(__name__)


class FileJournal:
    """A `Journal` in files. Raises `JournalError` (`Locked` among them) when it cannot be opened."""

    def __init__(
        self, data: str, config: Config, files: Files | None = None, clock: Callable[[], int] = time.time_ns
    ) -> None:
        self._data = data
        self._files = files or Files()
        self._clock = clock
        self._topics_max = config.topics_max
        self._indexes = Indexes(self._files, config.index_interval_bytes)
        self._reader = LogReader(self._files, self._indexes)
        self._fence = Fence(data)
        try:
            with ExitStack() as undo:
                outwait_a_wipe(data)
                layout.make_root(self._files, data)
                read_epoch(self._files, data)  # refuses what is not ours before anything in it is touched
                self._lock = DirectoryLock(data)
                undo.callback(self._lock.release)
                self._lock.sign()
                self._syncing = Syncing(self._files, data)
                self.sync_seconds = self._syncing.seconds
                undo.callback(self._syncing.close)
                tombstones = Tombstones(self._files, data, config.deleted_topics_max)
                self._logs = Logs(self._files, self._indexes, tombstones, data, config)
                self._deleting = Deleting(self._files, data, self._syncing, tombstones)
                self.epoch, self._catalog = self._recover(config.quarantine_bytes_max)
                self._upkeep = Upkeep(self._catalog, self._syncing, self._deleting, self._fence, self.epoch)
                newest = max((log.state.appended for log in self._catalog.all()), default=0)
                steady = SteadyClock(clock, time.monotonic_ns, newest)
                self._tidying = Tidying(self._catalog, self._upkeep, Rules.of(config), steady)
                undo.pop_all()
        except OSError as error:
            raise unusable(data, error) from error

    @property
    def failure(self) -> str | None:
        """Why nothing is appended any more, None as long as it is."""
        return self._fence.failure

    def append(self, frames: Sequence[Checked]) -> list[Run]:
        """Stamp and write frames, a write a topic. A topic's failure is in its run and hurts no other."""
        groups: dict[bytes, list[Checked]] = {}
        for frame in frames:
            group = groups.get(frame[0])
            if group is None:
                groups[frame[0]] = [frame]
            else:
                group.append(frame)
        now = self._clock()
        return [self._append_run(topic, group, now) for topic, group in groups.items()]

    def sync(self) -> None:
        """Make durable what has been appended. Raises `JournalError`, after which nothing is appended any more."""
        self._fence.sync(self._syncing.sync)

    def checkpoint(self) -> None:
        """Sync, make the marks of the last checkpoint durable, and write new marks and index entries."""
        self._fence.sync(self._syncing.sync)
        self._fence.sync(self._syncing.sync_marks)
        self._syncing.write_marks(MARKS_S_MAX)
        self._deleting.settle()

    def delete(self, topics: Sequence[str]) -> list[Head]:
        """Delete topics with all they hold; return where those that there were ended. That they are gone is durable.

        A topic that begins anew goes on at that offset. Raises `JournalError`, `OSError`. Belongs to the thread that
        appends.
        """
        logs = [log for topic in dict.fromkeys(topics) if (log := self._catalog.get(topic)) is not None]
        self._upkeep.delete(logs)
        return [Head(log.topic, log.state.next, log.state.epoch) for log in logs]

    def roll(self, topic: str) -> None:
        """Begin a new segment of a topic, unless the active one is empty. Raises `AppendFailed`.

        Belongs to the thread that appends.
        """
        log = self._catalog.get(topic)
        if log is not None and log.state.size:
            self._upkeep.roll(log)

    def trim(self, topic: str, before: int) -> int:
        """Delete whole segments of a topic with only offsets below `before`, never the active one.

        Return the first offset that is kept. Raises `OSError`, `JournalError`. Belongs to the thread that appends.
        """
        log = self._catalog.get(topic)
        if log is None:
            return 0
        for _ in range(sum(segment.limit <= before for segment in log.state.segments[:-1])):
            self._upkeep.trim(log)
        return log.state.first

    def tidy(self) -> None:
        """Delete some of what is not to be kept any longer."""
        if self.failure is None:
            self._tidying.step()

    def read(self, topic: str, offset: int, epoch: int | None, size: int) -> Slice:
        """Return about `size` bytes of frames from `offset` on. Raises `Trimmed`, `Rewound`."""
        return self._reader.read(self._catalog.get(topic) or self._logs.empty(topic), offset, epoch, size)

    def last(self, patterns: Sequence[Pattern], after: str | None, size: int) -> tuple[bytes, str | None]:
        """Return the last frames of matching topics, and the topic to go on after when there are more."""
        frames = bytearray()
        for log in self._catalog.matching(patterns, after):
            if len(frames) >= size:
                return bytes(frames), after
            frames += self._reader.last_frame(log)
            after = log.topic
        return bytes(frames), None

    def heads(
        self, patterns: Sequence[Pattern], since: int, after: str | None, count: int
    ) -> tuple[list[Head], int, str | None]:
        """Return the ends of topics changed since the token `since`, the next token, and where to go on after."""
        return self._catalog.heads(patterns, since, after, count)

    def topics(self, patterns: Sequence[Pattern], after: str | None, count: int) -> tuple[list[TopicInfo], str | None]:
        """Return what is held of matching topics, and the topic to go on after when there are more."""
        return self._catalog.topics(patterns, after, count)

    def offset_at(self, topic: str, time: int) -> int:
        """Return the first offset appended at `time` (ns) or later; the end when there is none."""
        return self._reader.offset_at(self._catalog.get(topic) or self._logs.empty(topic), time)

    def tail_offset(self, topic: str, size: int) -> int:
        """Return an offset from which on about `size` bytes follow, the first that is kept when there are fewer."""
        return self._reader.tail_offset(self._catalog.get(topic) or self._logs.empty(topic), size)

    def free_bytes(self) -> int:
        """Return how many bytes the disk has left for this process. Raises `OSError`."""
        return self._files.free(self._data)

    def close(self) -> None:
        """Sync and let go."""
        try:
            if self.failure is None:
                self.checkpoint()
                self._syncing.write_marks()
                self._fence.sync(self._syncing.sync_marks)
        finally:
            self._logs.close()
            self._syncing.close()
            self._lock.release()

    def _append_run(self, topic: bytes, checked: list[Checked], now: int) -> Run:
        run = Run(topic, checked)
        try:
            log = self._log_for(topic)
            before = log.state
            run.frames = log.append(checked, now, self.epoch)
        except AppendFailed as error:
            run.error = error
            return run
        run.offset, run.next = before.next, log.state.next
        run.size = log.state.size - before.size
        if before.size == 0:  # the file may have been made just now
            self._syncing.directories.add(log.directory)
        self._catalog.note_change(log)
        self._syncing.dirty.add(log)
        return run

    def _log_for(self, topic: bytes) -> TopicLog:
        """Return the log to append to, with room in its active segment."""
        if self.failure is not None:
            raise AppendFailed("journal_failed", self.failure)
        log = self._catalog.get_by_name(topic) or self._create(topic.decode("ascii"))
        if log.needs_roll():
            self._upkeep.roll(log)
        return log

    def _create(self, topic: str) -> TopicLog:
        """Return the log of a new topic; it is in the catalog once its first frames are written."""
        if len(self._catalog) >= self._topics_max:
            raise AppendFailed("too_many_topics", f"there are {len(self._catalog)} already, the limit is topics_max")
        log, directories = self._logs.new(topic)
        self._syncing.directories.update(directories)
        return log

    def _recover(self, quarantine_bytes_max: int) -> tuple[int, Catalog]:
        layout.make_missing(self._files, [os.path.join(self._data, layout.TOPICS)])
        recovery = Recovery(self._files, self._indexes, self._data, quarantine_bytes_max)
        logs = []
        for topic, names in layout.walk(self._files, self._data):
            opened = recovery.open(topic, self._deleting.finish(topic, names))
            if opened is None:
                continue
            logs.append(self._logs.opened(topic, opened))
            if not opened.clean:
                self._syncing.add_unsynced(logs[-1], layout.directories(self._data, topic))
        self._deleting.finished()
        newest = max((log.state.epoch for log in logs), default=0)
        epoch = begin_epoch(self._files, self._data, newest, self._clock())
        return epoch, Catalog(epoch, logs)
