"""One owner of a data directory: ``flock(2)`` on itself, which the kernel releases however the owner ends.

A file in it says who the owner is, with the name of its host: in each of two containers it may be process 7.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress

from mq.errors import Locked
from mq.journal import layout

_OWNER_BYTES_MAX = 128


class DirectoryLock:
    """Held from its making to `release`. Raises `Locked` at once when another holds it, `OSError`.

    Until `sign` not a byte is written, so a directory can also be owned to be looked at.
    """

    def __init__(self, data: str) -> None:
        self._path = os.path.join(data, layout.LOCK)
        self._descriptor = os.open(data, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._descriptor)
            raise Locked(os.path.abspath(data), self._owner()) from None
        except OSError as error:
            os.close(self._descriptor)
            error.filename = data
            raise

    def sign(self) -> None:
        """Write down who the owner is."""
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o640)
        try:
            with suppress(OSError):  # on a full disk there may be no room for as much as a name
                os.ftruncate(
                    descriptor, os.pwrite(descriptor, f"process {os.getpid()} on {os.uname().nodename}\n".encode(), 0)
                )
        finally:
            os.close(descriptor)

    def release(self) -> None:
        """Let another have it."""
        os.close(self._descriptor)

    def _owner(self) -> str:
        with suppress(OSError):
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            try:
                return os.read(descriptor, _OWNER_BYTES_MAX).decode("ascii", "replace").strip() or "owner unknown"
            finally:
                os.close(descriptor)
        return "owner unknown"


def is_held(data: str) -> bool:
    """Whether some process owns the directory, told without touching it; False also where that cannot be seen."""
    try:
        inode = os.stat(data).st_ino
        with open("/proc/locks", encoding="ascii", errors="replace") as table:
            return any(f":{inode} " in line and "FLOCK" in line for line in table)
    except OSError:
        return False
