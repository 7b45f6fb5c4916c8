"""A data directory that cannot be used: which file of it, why, and what to do."""

from __future__ import annotations

import errno
import os
from contextlib import suppress

from mq.errors import JournalError


def unusable(data: str, error: OSError) -> JournalError:
    """Return what a call that failed on a data directory comes to."""
    place = os.path.abspath(data)
    path = os.path.abspath(error.filename or data)
    return JournalError(
        f"{place} cannot be used ({path}: {error.strerror}{_advice(error, place, path)}): "
        "mend that, or name another with --data"
    )


def _advice(error: OSError, data: str, path: str) -> str:
    if error.errno == errno.EROFS:
        return "; mount a volume there that can be written to"
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return "; delete something on its disk, or give it a larger one"
    if error.errno in {errno.EACCES, errno.EPERM}:
        return _of_owners(data, path)
    return ""


def _of_owners(data: str, path: str) -> str:
    """Return whose it is and how it becomes ours; nothing where a file was refused to its owner."""
    with suppress(OSError):
        owner = os.stat(path if os.path.exists(path) else os.path.dirname(path)).st_uid
        if owner != os.geteuid():
            return f"; it belongs to user {owner}, and this is user {os.geteuid()}: chown -R {os.geteuid()} {data}"
    return ""
