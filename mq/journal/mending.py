"""Carrying out what was planned for a log, a step a function. Decides nothing; raises `OSError` where it cannot.

Recovery and repair do the same with them, but for what they do when one fails.
"""

from __future__ import annotations

import os

from mq.journal.files import Files
from mq.journal.plan import Begin, Cut
from mq.journal.quarantine import Quarantine


def cut(files: Files, quarantine: Quarantine, step: Cut) -> str:
    """Cut off the end of a segment once a copy of it is safe, and return the copy's path."""
    copy = quarantine.keep(step.topic, step.path, step.base, step.start, step.stop)
    files.truncate(step.path, step.start)
    return copy


def begin(files: Files, step: Begin) -> None:
    """Make the file of a new segment, in which nothing is yet."""
    files.close(files.open(step.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
