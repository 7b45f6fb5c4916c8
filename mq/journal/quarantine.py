"""Copies of what was cut off: in ``<data>/quarantine``, named by topic, segment and byte. None replaces another."""

from __future__ import annotations

import errno
import os
from itertools import count

from mq.journal import layout
from mq.journal.files import Files
from mq.journal.scan import Rest
from mq.journal.segment import Segment

_PIECE_BYTES = 1 << 20


def keep_copy(files: Files, data: str, topic: str, segment: Segment, torn: Rest) -> str:
    """Make a durable copy of the rest of a segment's file, and return its path. Raises `OSError`."""
    directory = os.path.join(data, layout.QUARANTINE)
    if not os.path.isdir(directory):
        files.make_directory(directory)
    files.sync_directory(data)
    source = files.open(segment.path, os.O_RDONLY)
    try:
        path, target = _open_new(files, f"{directory}/{topic.replace('/', '@')}@{segment.base:020}@{torn.start}")
        try:
            for at in range(torn.start, torn.stop, _PIECE_BYTES):
                _write(files, target, files.read_at(source, min(_PIECE_BYTES, torn.stop - at), at), path)
            files.sync(target)
        except OSError:
            files.remove(path)  # half a copy is none, and takes room
            raise
        finally:
            files.close(target)
    finally:
        files.close(source)
    files.sync_directory(directory)
    return path


def _open_new(files: Files, stem: str) -> tuple[str, int]:
    for number in count():
        path = f"{stem}.{number}.torn"
        if not os.path.lexists(path):
            return path, files.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    raise AssertionError("there is always a next number")


def _write(files: Files, descriptor: int, data: bytes, path: str) -> None:
    if files.write(descriptor, data) != len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
