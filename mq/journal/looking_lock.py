"""The lock of a data directory for somebody who looks first, and may never change anything in it."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress

from mq.errors import Locked
from mq.journal import layout

_OWNER_BYTES_MAX = 64


class LookingLock:
    """Held from its making to `release`. Raises `Locked` at once when another holds it, `OSError`.

    Until `sign` not a byte is written: where there is no file to lock, there is none yet either.
    """

    def __init__(self, data: str) -> None:
        self._data = data
        self._path = os.path.join(data, layout.LOCK)
        self._descriptor: int | None = None
        with suppress(FileNotFoundError):
            self._take(os.O_RDONLY)

    @property
    def held(self) -> bool:
        """Whether nobody else can change anything."""
        return self._descriptor is not None

    def sign(self) -> None:
        """Write down who the owner is, now that something is to be changed."""
        if self._descriptor is None:
            self._take(os.O_RDWR | os.O_CREAT)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            with suppress(OSError):  # on a full disk there may be no room for as much as a name
                os.ftruncate(descriptor, os.pwrite(descriptor, f"process {os.getpid()}\n".encode(), 0))
        finally:
            os.close(descriptor)

    def release(self) -> None:
        """Let another have it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _take(self, flags: int) -> None:
        descriptor = os.open(self._path, flags | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with open(self._path, encoding="ascii", errors="replace") as file:
                owner = file.read(_OWNER_BYTES_MAX).strip() or "owner unknown"
            os.close(descriptor)
            raise Locked(self._data, owner) from None
        except OSError as error:
            os.close(descriptor)
            error.filename = self._path
            raise
        self._descriptor = descriptor
