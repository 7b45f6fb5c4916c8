"""Looking a data directory through, without its lock and without changing anything.

It works while a broker runs too: then the report is of what stood there when each file was looked at.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress

from mq.errors import JournalError
from mq.journal import layout
from mq.journal.checks import TopicCheck
from mq.journal.files import Files
from mq.journal.lock import is_held
from mq.journal.meta import read_epoch
from mq.journal.quarantine import kept
from mq.journal.remains import remains
from mq.journal.report import Finding, Note, Report
from mq.journal.tombstones import Tombstone, parse, read_file

__all__ = ["DRAFTS", "Finding", "Note", "Progress", "Report", "look_through", "verify"]

Progress = Callable[[int, int], None]

DRAFTS = frozenset({f"{layout.META}.new", f"{layout.DELETED}.new"})
"""What is left of a file of the directory's own when its writing was cut short."""


def verify(data: str, files: Files | None = None, progress: Progress | None = None) -> Report:
    """Look at every topic and segment, and say what holds. Raises `JournalError` when it could not look.

    `progress` is called with the bytes of segments looked at so far and the bytes of all, as they were at the start.
    """
    try:
        return look_through(data, files or Files(), progress, lambda _check: None)
    except OSError as error:
        raise JournalError(f"{error.filename or data} cannot be looked at: {error.strerror}") from error


def look_through(data: str, files: Files, progress: Progress | None, take: Callable[[TopicCheck], None]) -> Report:
    """Look at all, and hand on what was seen of each topic. Raises `JournalError`, `OSError`."""
    report = Report(data, busy=is_held(data))
    names = set(files.names(data))
    if not names & {layout.META, layout.TOPICS}:
        raise JournalError(f"{data} is not a MiniMQ data directory: it has no {layout.META!r} and no {layout.TOPICS!r}")
    report.epoch = read_epoch(files, data)
    topics = [topic for topic, _ in layout.walk(files, data)] if layout.TOPICS in names else []
    total = sum(_bytes_of(files, layout.topic_directory(data, topic)) for topic in topics)

    def tell() -> None:
        if progress is not None:
            progress(report.bytes, max(total, report.bytes))

    newest, deleted = 0, _check_deleted(report, files)
    for topic in topics:
        try:
            directory = layout.topic_directory(data, topic)
            left = remains(files, directory, deleted.get(topic), files.names(directory))
            check = TopicCheck(files, data, topic, report, tell, left)
            check.run()
        except FileNotFoundError:
            if os.path.isdir(directory):
                raise
            continue  # a broker at work has deleted the topic meanwhile
        if left:
            report.note(check.directory, "the topic was being deleted: what is left of it goes with the next start")
        take(check)
        newest = max(newest, check.epoch)
    tell()
    _check_meta(report, files, newest, missing=layout.META not in names)
    _add_notes(report, files, names)
    return report


def _check_deleted(report: Report, files: Files) -> dict[str, Tombstone]:
    """See that the ends of deleted topics hold, and return them."""
    path = os.path.join(report.data, layout.DELETED)
    stones, wounds = parse(read_file(files, report.data))
    for wound in wounds:
        report.damage(path, *wound, "this line does not hold: where a deleted topic ended may not be known any more")
    return {stone.topic: stone for stone in stones}


def _check_meta(report: Report, files: Files, newest: int, *, missing: bool) -> None:
    """See that the directory's own file holds, and that no frame is of a later epoch than it knows."""
    path = os.path.join(report.data, layout.META)
    if missing:
        if report.topics:
            report.damage(path, 0, 0, "the file with the format and the last epoch is missing")
        return
    size = files.size(path)
    if report.epoch is None:
        report.damage(path, 0, size, "the file with the format and the last epoch does not hold")
    elif newest > (read_epoch(files, report.data) or newest):
        report.damage(path, 0, size, f"it says that the last epoch was {report.epoch}, there are frames of {newest}")


def _add_notes(report: Report, files: Files, names: set[str]) -> None:
    if report.busy:
        report.note(report.data, "a broker is at work here: this is what stood there while it was looked at")
    copies = kept(files, report.data) if layout.QUARANTINE in names else []
    if copies:
        many = "1 copy" if len(copies) == 1 else f"{len(copies):,} copies"
        size = sum(copy.size for copy in copies)
        report.note(
            os.path.join(report.data, layout.QUARANTINE),
            f"{many} of what was cut off from torn logs, {size:,} bytes, kept for you",
        )
    for name in sorted(names & DRAFTS) if not report.busy else []:
        report.note(os.path.join(report.data, name), "left of a write that did not come to its end, and of no use")


def _bytes_of(files: Files, directory: str) -> int:
    """Return the bytes in a topic's segments, for the progress alone."""
    size = 0
    with suppress(FileNotFoundError):  # of a broker at work
        for base in layout.segment_bases(files.names(directory)):
            size += files.size(os.path.join(directory, layout.segment_name(base)))
    return size
