"""Doing the steps of a repair, each durable before the next. Decides nothing; raises `OSError` where it cannot."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress

from mq.config import Config
from mq.journal import index as indexing
from mq.journal import layout, mending
from mq.journal import mark as marks
from mq.journal.checks import WrongIndex
from mq.journal.files import Files
from mq.journal.index import Index
from mq.journal.indexes import note
from mq.journal.meta import begin_epoch
from mq.journal.plan import Begin, Cut
from mq.journal.quarantine import Quarantine
from mq.journal.scan import scan
from mq.journal.segment import SegmentReader
from mq.journal.steps import DropDraft, DropMark, NewIndex, NewMark, NewMeta, Step
from mq.journal.window import Found, Window


class Mender:
    """Does steps to one data directory."""

    def __init__(self, files: Files, data: str, config: Config, clock: Callable[[], int]) -> None:
        self._files = files
        self._data = data
        self._interval = config.index_interval_bytes
        self._quarantine = Quarantine(files, data, config.quarantine_bytes_max)
        self._clock = clock

    def do(self, step: Step) -> None:
        """Do a step, and wait until it is on the disk."""
        match step:
            case Cut():
                mending.cut(self._files, self._quarantine, step)
                self._sync(step.path)
            case Begin():
                mending.begin(self._files, step)
            case NewMark():
                self._sync(step.log)
                self._sync_directories(step.topic)
                self._write(step.path, marks.encode(step.mark, _name(step.topic)))
            case DropMark():
                self._quarantine.keep(step.topic, step.path, 0, 0, self._files.size(step.path))
                self._files.remove(step.path)
            case NewIndex():
                self._write(step.path, self._index_of(_name(step.topic), step.wrong))
            case NewMeta():
                begin_epoch(self._files, self._data, step.newest, self._clock())
                return
            case DropDraft():
                with suppress(FileNotFoundError):  # the file that it was to be has been written anew meanwhile
                    self._files.remove(step.path)
                self._files.sync_directory(self._data)
                return
        self._sync_directories(step.topic)

    def _index_of(self, name: bytes, wrong: WrongIndex) -> bytes:
        index = Index()
        with SegmentReader(self._files, wrong.path) as read:
            for event in scan(Window(read, self._files.size(wrong.path)), name, 0, wrong.floor, wrong.limit):
                if isinstance(event, Found):
                    note(index, event, self._interval)
        return indexing.encode(index, 0, indexing.seed(name, wrong.base))

    def _write(self, path: str, data: bytes) -> None:
        """Write a small file over what it was: each of its parts holds by itself, so one cut short is only wrong."""
        descriptor = self._files.open(path, os.O_WRONLY | os.O_CREAT)
        try:
            if self._files.write_at(descriptor, data, 0) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
            self._files.truncate(path, len(data))
            self._files.sync(descriptor)
        finally:
            self._files.close(descriptor)

    def _sync(self, path: str) -> None:
        descriptor = self._files.open(path, os.O_RDONLY)
        try:
            self._files.sync(descriptor)
        finally:
            self._files.close(descriptor)

    def _sync_directories(self, topic: str) -> None:
        """Make durable where a topic's files are: an earlier life may not have come to that."""
        for directory in [*reversed(layout.directories(self._data, topic)), self._data]:
            self._files.sync_directory(directory)


def _name(topic: str) -> bytes:
    return topic.encode() + b"\0"
