"""One owner of a data directory: ``flock(2)`` on a file in it, which the kernel releases however the owner ends."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress

from mq.errors import Locked
from mq.journal import layout


class DirectoryLock:
    """Held from its making to `release`. Raises `Locked` at once when another holds it."""

    def __init__(self, data: str) -> None:
        path = os.path.join(data, layout.LOCK)
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(self._descriptor, 64, 0).decode("ascii", "replace").strip() or "owner unknown"
            os.close(self._descriptor)
            raise Locked(data, owner) from None
        except OSError as error:
            os.close(self._descriptor)
            error.filename = path
            raise
        with suppress(OSError):  # on a full disk there may be no room for as much as a name
            size = os.pwrite(self._descriptor, f"process {os.getpid()}\n".encode(), 0)
            os.ftruncate(self._descriptor, size)

    def release(self) -> None:
        """Let another have it."""
        os.close(self._descriptor)


def is_held(data: str) -> bool:
    """Whether some process owns the directory, told without touching it; False also where that cannot be seen."""
    try:
        inode = os.stat(os.path.join(data, layout.LOCK)).st_ino
        with open("/proc/locks", encoding="ascii", errors="replace") as table:
            return any(f":{inode} " in line and "FLOCK" in line for line in table)
    except OSError:
        return False
