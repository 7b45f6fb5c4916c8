"""Looking a data directory through, without its lock and without changing anything.

It works while a broker runs too: then the report is of what stood there when each file was looked at.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from mq.errors import JournalError
from mq.journal import layout
from mq.journal.checks import TopicCheck
from mq.journal.files import Files
from mq.journal.lock import is_held
from mq.journal.meta import read_epoch
from mq.journal.report import Finding, Note, Report

__all__ = ["Finding", "Note", "Progress", "Report", "verify"]

Progress = Callable[[int, int], None]


def verify(data: str, files: Files | None = None, progress: Progress | None = None) -> Report:
    """Look at every topic and segment, and say what holds. Raises `JournalError` when it could not look.

    `progress` is called with the bytes of segments looked at so far and the bytes of all, as they were at the start.
    """
    files = files or Files()
    try:
        return _verify(data, files, progress or (lambda _done, _all: None))
    except OSError as error:
        raise JournalError(f"{error.filename or data} cannot be looked at: {error.strerror}") from error


def _verify(data: str, files: Files, progress: Progress) -> Report:
    report = Report(data, busy=is_held(data))
    names = set(files.names(data))
    if not names & {layout.META, layout.TOPICS}:
        raise JournalError(f"{data} is not a MiniMQ data directory: it has no {layout.META!r} and no {layout.TOPICS!r}")
    report.epoch = read_epoch(files, data)
    topics = [topic for topic, _ in layout.walk(files, data)] if layout.TOPICS in names else []
    total = sum(_bytes_of(files, layout.topic_directory(data, topic)) for topic in topics)
    newest = 0
    for topic in topics:
        newest = max(newest, TopicCheck(files, data, topic, report).run())
        progress(report.bytes, max(total, report.bytes))
    _check_meta(report, files, newest, missing=layout.META not in names)
    _add_notes(report, files, names)
    return report


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
    quarantine = os.path.join(report.data, layout.QUARANTINE)
    copies = len(files.names(quarantine)) if layout.QUARANTINE in names else 0
    if copies:
        report.note(quarantine, f"{copies} copies of what was cut off from torn logs, kept for you")


def _bytes_of(files: Files, directory: str) -> int:
    """Return the bytes in a topic's segments, for the progress alone."""
    bases = layout.segment_bases(files.names(directory))
    return sum(files.size(os.path.join(directory, layout.segment_name(base))) for base in bases)
