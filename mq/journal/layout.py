"""Where things lie in a data directory.

::

    <data>/lock                                      held by the one broker that owns all this
    <data>/journal                                   the format's version, and the last epoch
    <data>/topics/host/node1/cpu/@00000000000000000000.log     a segment, named by its first offset
                                 @00000000000000000000.index   a cache of it
                                 @mark                         how far the active segment has been synced
    <data>/deleted                                   where deleted topics ended
    <data>/quarantine/                               copies of what was cut off

``@`` is not in the grammar of topics, so a topic's directory can hold other topics.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress

from mq.journal.files import Files
from mq.topic import is_topic

_log = logging.getLogger(__name__)

LOCK, META, TOPICS, DELETED, QUARANTINE, MARK = "lock", "journal", "topics", "deleted", "quarantine", "@mark"
OFFSET_MAX = 2**63
_SEGMENT = re.compile(r"@([0-9]{20})\.log")
_OF_SEGMENT = re.compile(r"@([0-9]{20})\.(?:log|index)")


def topic_directory(data: str, topic: str) -> str:
    """Return the directory of a topic's segments."""
    return os.path.join(data, TOPICS, topic)


def directories(data: str, topic: str) -> list[str]:
    """Return the directories on the way to a topic's, from the one that holds all topics on."""
    parts = topic.split("/")
    root = os.path.join(data, TOPICS)
    return [root, *(os.path.join(root, *parts[: depth + 1]) for depth in range(len(parts)))]


def make_missing(files: Files, directories: list[str]) -> None:
    """Make those of the directories that do not exist, in order."""
    for directory in directories:
        _make(files, directory)


def _make(files: Files, directory: str) -> None:
    """Make a directory, unless it is there, or comes to be meanwhile: another broker may start at the same moment."""
    if not os.path.isdir(directory):
        try:
            files.make_directory(directory)
        except FileExistsError:
            if not os.path.isdir(directory):
                raise


def remove_empty(files: Files, directories: list[str]) -> list[str]:
    """Remove the directories that `directories` returned for a topic, the deepest first, as far as they are empty.

    Return those that are gone; the one that holds all topics stays.
    """
    gone: list[str] = []
    with suppress(OSError):
        for directory in reversed(directories[1:]):
            files.remove_directory(directory)
            gone.append(directory)
    return gone


def make_root(files: Files, data: str) -> None:
    """Make the data directory with all above it that is missing, each name on the disk before anything is in it.

    The name of one that is there, and was never opened, may not be on the disk yet either.
    """
    path, missing = os.path.abspath(data), list[str]()
    while not os.path.isdir(path):
        missing.append(path)
        path = os.path.dirname(path)
    unsynced = [os.path.dirname(directory) for directory in reversed(missing)]
    if not missing and not os.path.exists(os.path.join(path, META)):
        unsynced = [os.path.dirname(path)]
    make_missing(files, missing[::-1])
    for directory in unsynced:
        with suppress(PermissionError):  # what is above may be somebody else's, who has seen to it
            files.sync_directory(directory)


def segment_name(base: int) -> str:
    """Return the name of the segment whose first offset is `base`."""
    return f"@{base:020}.log"


def index_path(segment: str) -> str:
    """Return the path of a segment's index."""
    return segment.removesuffix(".log") + ".index"


def segment_bases(names: Iterable[str]) -> list[int]:
    """Return the first offsets of the segments among these names, in order. What no offset can be is none of ours."""
    bases = (int(found[1]) for name in names if (found := _SEGMENT.fullmatch(name)))
    return sorted(base for base in bases if base <= OFFSET_MAX)


def base_of(name: str) -> int | None:
    """Return the first offset of the segment that a file is, or is the index of; None for another file."""
    found = _OF_SEGMENT.fullmatch(name)
    return int(found[1]) if found else None


def walk(files: Files, data: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each directory that may be a topic's, and the names in it."""
    root = os.path.join(data, TOPICS)
    waiting = sorted(files.names(root), reverse=True)
    while waiting:
        topic = waiting.pop()
        path = os.path.join(root, topic)
        if os.path.islink(path):
            _log.warning("%s is a link, left alone", path)
            continue
        if not is_topic(os.fsencode(topic)):
            _log.warning("%s is not a topic's directory, left alone", path)
            continue
        try:
            names = files.names(path)
        except NotADirectoryError:
            _log.warning("%s is not a directory, left alone", path)
            continue
        waiting += sorted((f"{topic}/{name}" for name in names if name[0] != "@"), reverse=True)
        yield topic, names
