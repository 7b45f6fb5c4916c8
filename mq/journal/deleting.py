"""Deleting topics. That one is to go, and where it ended, is durable before anything of it goes.

So a deletion that is cut short is finished by the next opening, and no offset is used twice. Used by the appending
thread alone.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence

from mq.journal import layout
from mq.journal.files import Files
from mq.journal.remains import remains
from mq.journal.syncing import Syncing
from mq.journal.tombstones import DONE, Tombstone, Tombstones
from mq.journal.topic_log import TopicLog

_log = logging.getLogger(__name__)


class Deleting:
    """A deletion is begun, synced, carried out, and settled with the next sync of all there is."""

    def __init__(self, files: Files, data: str, syncing: Syncing, tombstones: Tombstones) -> None:
        self._files = files
        self._data = data
        self._syncing = syncing
        self._tombstones = tombstones
        self._gone: list[Tombstone] = []
        self._stuck: set[str] = set()

    def begin(self, logs: Sequence[TopicLog], epoch: int) -> list[Tombstone]:
        """Write down that these logs are to go. Raises `JournalError`, `OSError`: then none of them is."""
        ends = [(log.topic, log.state) for log in logs]
        stones = [Tombstone(topic, end.next, end.epoch, end.appended) for topic, end in ends]
        self._tombstones.make_room(len(stones), epoch)
        self._tombstones.add(stones)
        return stones

    def sync(self) -> None:
        """Make durable what was begun. Raises `OSError`."""
        self._tombstones.sync()

    def carry_out(self, log: TopicLog, stone: Tombstone) -> None:
        """Delete a log. What cannot be deleted now is left to the next opening."""
        self._syncing.forget(log)
        try:
            log.delete()
        except OSError as error:
            _log.warning("%s: %s: what is left of it goes with the next start", log.directory, error)
        else:
            self._note_gone(stone)

    def settle(self) -> None:
        """Write down which deletions have come to their end, once that is durable. It may wait."""
        gone = [stone for stone in self._gone if self._tombstones.get(stone.topic) == stone]
        try:
            if gone:
                self._tombstones.add([stone._replace(progress=DONE) for stone in gone])
            self._gone = []
            self._tombstones.tidy()
        except OSError as error:
            _log.debug("%s: %s: told by the next start", self._data, error)

    def finish(self, topic: str, names: list[str]) -> list[str]:
        """Delete what an opening found of a topic whose deletion was cut short; return the names that are left."""
        directory = layout.topic_directory(self._data, topic)
        left = remains(self._files, directory, self._tombstones.get(topic), names)
        if not left:
            return names
        try:
            for name in sorted(left):  # an index before its log
                self._files.remove(os.path.join(directory, name))
        except OSError as error:
            _log.warning("%s: %s: what is left of it goes with the next start", directory, error)
            self._stuck.add(topic)
        else:
            _log.warning("%s: it was being deleted when the broker ended; that is finished now", directory)
        return [name for name in names if name not in left]

    def finished(self) -> None:
        """Note, at the end of an opening, which deletions have been finished by it."""
        for stone in self._tombstones.begun():
            if stone.topic not in self._stuck:
                self._note_gone(stone)

    def _note_gone(self, stone: Tombstone) -> None:
        """Note that nothing is left of a topic, once its directory, or what held that, is synced."""
        directories = layout.directories(self._data, stone.topic)
        gone = layout.remove_empty(self._files, directories)
        self._syncing.directories.difference_update(gone)
        self._syncing.directories.add(next(path for path in reversed(directories) if os.path.isdir(path)))
        self._gone.append(stone)
