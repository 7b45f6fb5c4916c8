"""How the logs of one journal are made: all of the same parts, whether opened, new, or of a topic that was deleted."""

from __future__ import annotations

from mq.config import Config
from mq.errors import AppendFailed
from mq.journal import layout
from mq.journal.files import Files
from mq.journal.indexes import Indexes
from mq.journal.open_files import OpenFiles
from mq.journal.recovery import Opened
from mq.journal.state import State, ended
from mq.journal.tombstones import Tombstone, Tombstones
from mq.journal.topic_log import Limits, TopicLog


class Logs:
    """Makes logs. Their parts are let go of with `close`."""

    def __init__(self, files: Files, indexes: Indexes, tombstones: Tombstones, data: str, config: Config) -> None:
        self._files = files
        self._indexes = indexes
        self._tombstones = tombstones
        self._data = data
        self._limits = Limits(config.segment_bytes, config.index_interval_bytes)
        self._open = OpenFiles(files, config.open_files_max)

    def opened(self, topic: str, opened: Opened) -> TopicLog:
        """Return the log that an opening found.

        One that began anew after a deletion, and has no record yet, is followed as the one that was deleted.
        """
        end, state = self._tombstones.get(topic), opened.state
        if end is not None and state.next == end.next:
            state = state._replace(epoch=max(state.epoch, end.epoch), appended=max(state.appended, end.appended))
        return self._log(topic, state, opened.broken)

    def empty(self, topic: str) -> TopicLog:
        """Return the log of a topic with nothing in it: one that is new, or was deleted."""
        end = self._tombstones.get(topic) or Tombstone(topic, 0, 0, 0)
        directory = layout.topic_directory(self._data, topic)
        return self._log(topic, ended(directory, end.next, end.epoch, end.appended))

    def new(self, topic: str) -> tuple[TopicLog, list[str]]:
        """Return the log of a topic that is to be appended to, and its directories, made. Raises `AppendFailed`."""
        directories = layout.directories(self._data, topic)
        try:
            layout.make_missing(self._files, directories)
        except OSError as error:
            raise AppendFailed.of(error) from error
        return self.empty(topic), directories

    def close(self) -> None:
        """Close the files that are open for appending."""
        self._open.close()

    def _log(self, topic: str, state: State, broken: str | None = None) -> TopicLog:
        directory = layout.topic_directory(self._data, topic)
        return TopicLog(topic, directory, state, self._files, self._open, self._indexes, self._limits, broken)
