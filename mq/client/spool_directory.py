"""The directory of a spool. It belongs to one spool, and a spool to one process: ``flock(2)`` on the directory.

The kernel releases that however its owner ends, once no child has the descriptor either. Files are only reached through
this descriptor: where somebody has put another directory in this one's place, nothing is written there.
"""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import suppress

from mq.errors import SpoolHeld, SpoolUnusable

LOCKS = "/proc/locks"


class SpoolDirectory:
    """Raises `SpoolHeld` and `SpoolUnusable` when it is made, `OSError` later on."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._absolute = os.path.abspath(path)  # the working directory may change
        self._process = os.getpid()
        self._descriptor = self._own()

    def open(self, name: str, flags: int) -> int:
        """Return a descriptor of a file."""
        try:
            return os.open(name, flags | os.O_CLOEXEC, 0o640, dir_fd=self._descriptor)
        except OSError as error:
            error.filename = self.path_of(name)
            raise

    def path_of(self, name: str) -> str:
        """Return what people call a file."""
        return os.path.join(self.path, name)

    def entries(self) -> list[tuple[str, int | None]]:
        """Return the names there are, and their sizes; None for what is no file."""
        with os.scandir(self._descriptor) as entries:
            return [(it.name, it.stat().st_size if it.is_file(follow_symlinks=False) else None) for it in entries]

    def rename(self, name: str, other: str) -> None:
        """Give a file another name; one that is gone has none."""
        with suppress(FileNotFoundError):
            os.rename(name, other, src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)

    def unlink(self, name: str) -> None:
        """Delete a file; one that is gone is."""
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self._descriptor)

    def sync(self) -> None:
        """Make the names safe."""
        os.fsync(self._descriptor)

    def refuse_if_gone(self) -> None:
        """Raise `FileNotFoundError` where the path does not lead here any more: no later life would find the files."""
        try:
            if os.path.samestat(os.stat(self._absolute), os.fstat(self._descriptor)):
                return
        except (FileNotFoundError, NotADirectoryError):
            pass
        raise gone(self.path)

    def close(self) -> None:
        """Let another have it. Children that were forked meanwhile have the descriptor too, so it is unlocked first."""
        if os.getpid() == self._process:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        os.close(self._descriptor)

    def _own(self) -> int:
        try:
            os.makedirs(self.path, mode=0o750, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            _sync_directory(os.path.dirname(self._absolute))
        except OSError as error:
            raise SpoolUnusable(self.path, error.strerror or str(error)) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = _holder(descriptor)
            os.close(descriptor)
            if isinstance(error, BlockingIOError):
                raise SpoolHeld(self.path, holder) from None
            raise SpoolUnusable(self.path, error.strerror or str(error)) from None
        return descriptor


def gone(path: str) -> FileNotFoundError:
    """Return what is raised for a file or a directory that was deleted or moved while it was in use."""
    why = "it was deleted or moved away while it was in use: end this producer, and make another"
    return FileNotFoundError(errno.ENOENT, why, path)


def _holder(descriptor: int) -> int | None:
    """Return the process that has locked a directory, None where the kernel does not say."""
    found = os.fstat(descriptor)
    file = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    with suppress(OSError), open(LOCKS, encoding="ascii") as lines:
        for line in lines:
            words = line.split()
            if words[1] == "FLOCK" and words[5] == file and int(words[4]) > 0:
                return int(words[4])
    return None


def _sync_directory(path: str) -> None:
    """Make a directory's names safe."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
