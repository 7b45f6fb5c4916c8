"""The data directory's own file: the version of the format, and the epoch of the last opening.

Three lines of text, so that a person sees what the directory is::

    minimq journal 1
    epoch 1764000000
    crc 89abcdef

The first line, and a last one with the CRC-32C of all before it, will be there in every later format: a file that holds
by its crc and names a higher number is a newer one, and left alone; one that does not hold is damaged, and made anew.
"""

from __future__ import annotations

import errno
import os
import re
import time

from google_crc32c import value

from mq.errors import JournalError
from mq.journal import layout
from mq.journal.files import Files, publish, read_whole

FORMAT = 1
EPOCH_MAX = 2**32 - 1
NS_PER_SECOND = 1_000_000_000
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_OPENING = b"minimq journal "
_TEXT = re.compile(rb"(minimq journal ([0-9]{1,9})\n(?:.*\n)*)crc ([0-9a-f]{8})\n")
_EPOCH = re.compile(rb"^epoch ([0-9]{1,10})$", re.MULTILINE)


def read_epoch(files: Files, data: str) -> int | None:
    """Return the epoch of the last opening, None for a directory that was never opened or whose file is damaged.

    Raises `JournalError` for a directory that is not a journal of ours, or one of a newer version.
    """
    path = os.path.join(data, layout.META)
    try:
        text = read_whole(files, path)
    except FileNotFoundError:
        _refuse_foreign(files, data)
        return None
    found = _TEXT.fullmatch(text)
    if found is None or value(found[1]) != int(found[3], 16):
        if not text.startswith(_OPENING):
            _refuse_foreign(files, data)
        return None
    if int(found[2]) > FORMAT:
        raise JournalError(
            f"{data} was written by a newer MiniMQ (format {int(found[2])}, this one knows {FORMAT}): upgrade"
        )
    epoch = _EPOCH.search(text)
    return int(epoch[1]) if epoch else None


def begin_epoch(files: Files, data: str, newest: int, now: int) -> int:
    """Return the epoch of this opening, once it is durable: before anything is appended under it.

    It is above that of the last opening, and above the `newest` in the logs should that not be known; else the time.
    """
    epoch = max((read_epoch(files, data) or 0) + 1, newest + 1, now // NS_PER_SECOND)
    if epoch > EPOCH_MAX:
        raise JournalError(f"{data}: its epoch {epoch} does not fit; is the clock right?")
    text = f"minimq journal {FORMAT}\nepoch {epoch}\n".encode()
    _put_down(files, os.path.join(data, layout.META), text + f"crc {value(text):08x}\n".encode())
    return epoch


def outwait_a_wipe(data: str) -> None:
    """Wait until the second is over in which a directory that was never opened, or what is to hold it, was changed.

    What was wiped there a moment ago may have been a journal that had begun in this second: no two have one epoch.
    """
    path = os.path.abspath(data)
    if os.path.exists(os.path.join(path, layout.META)):
        return
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    changed = os.stat(path).st_mtime_ns // NS_PER_SECOND
    while (now := time.time_ns()) // NS_PER_SECOND == changed:
        time.sleep(1 - now % NS_PER_SECOND / NS_PER_SECOND)


def _put_down(files: Files, path: str, text: bytes) -> None:
    """Publish the file; where there is no room for a new one, write over the old one, which takes none.

    That may be torn by a loss of power. Then the file is damaged, and what the logs know is enough.
    """
    try:
        publish(files, path, text)
    except OSError as error:
        if error.errno not in FULL or not os.path.exists(path):
            raise
        descriptor = files.open(path, os.O_WRONLY)
        try:
            files.write_at(descriptor, text, 0)
            files.truncate(path, len(text))
            files.sync(descriptor)
        finally:
            files.close(descriptor)


def _refuse_foreign(files: Files, data: str) -> None:
    files_of_ours = {layout.LOCK, layout.META, f"{layout.META}.new", layout.DELETED, f"{layout.DELETED}.new"}
    ours = files_of_ours | {layout.TOPICS, layout.QUARANTINE, "lost+found"}
    topics = layout.walk(files, data) if os.path.isdir(os.path.join(data, layout.TOPICS)) else ()
    if any(layout.segment_bases(held) for _, held in topics):
        return  # segments are evidence enough, whatever else is there
    strangers = sorted(set(files.names(data)) - ours)
    if strangers:
        raise JournalError(
            f"{data} is not a MiniMQ data directory (it holds {strangers[0]!r}): name an empty one with --data"
        )
