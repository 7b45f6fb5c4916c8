"""What is done to logs beside appending: closing segments, deleting them, deleting all of a topic.

Each in the order that a loss of power at any moment leaves nothing half done that a reader could take for something
else. Used by the appending thread alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from mq.errors import AppendFailed, JournalError
from mq.journal.catalog import Catalog
from mq.journal.deleting import Deleting
from mq.journal.fence import Fence
from mq.journal.syncing import Syncing
from mq.journal.topic_log import TopicLog


class Upkeep:
    """Does it to the logs of one journal. What it raises leaves them whole."""

    def __init__(self, catalog: Catalog, syncing: Syncing, deleting: Deleting, fence: Fence, epoch: int) -> None:
        self._catalog = catalog
        self._syncing = syncing
        self._deleting = deleting
        self._fence = fence
        self._epoch = epoch

    def roll(self, log: TopicLog) -> None:
        """Close the active segment, once it is synced, and begin the next one. Raises `AppendFailed`."""
        try:
            self._fence.sync(lambda: self._syncing.sync_log(log))
        except JournalError as error:
            raise AppendFailed("journal_failed", str(error)) from error
        try:
            log.roll()
        except OSError as error:
            raise AppendFailed.of(error) from error
        self._syncing.directories.add(log.directory)
        self._syncing.dirty.add(log)  # its mark is to tell of the new segment

    def trim(self, log: TopicLog) -> None:
        """Delete the oldest segment, once the one before it is gone for good: a loss of power must not leave a hole.

        Before the last record goes, the mark has to tell where the topic ended. Raises `OSError`, `JournalError`.
        """
        if log.bytes_held() == log.state.segments[0].size and not self._syncing.has_settled(log):
            self._fence.sync(self._syncing.sync)
            log.write_mark()
            self._fence.sync(log.sync_mark)
            self._syncing.directories.add(log.directory)
        self._fence.sync(lambda: self._syncing.sync_directory(log.directory))
        self._syncing.directories.add(log.directory)
        log.trim()

    def delete(self, logs: Sequence[TopicLog]) -> None:
        """Delete topics; that they are to go is durable first. Raises `OSError`, `JournalError`."""
        if not logs:
            return
        self._fence.refuse_if_closed()
        for log in logs:
            if log.broken is not None:
                raise JournalError(f"where {log.topic} ends is not known: {log.broken}")
        stones = self._deleting.begin(logs, self._epoch)
        self._fence.sync(self._deleting.sync)
        for log, stone in zip(logs, stones, strict=True):
            self._catalog.remove(log)
            self._deleting.carry_out(log, stone)
