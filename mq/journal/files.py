"""The calls by which the journal touches the disk: the seam at which a test makes one of them fail."""

from __future__ import annotations

import ctypes
import errno
import os
from functools import cache
from typing import Any

FILE_MODE = 0o640
DIRECTORY_MODE = 0o750
SMALL_FILE_BYTES_MAX = 64 << 10


class Files:
    """The real ones. All raise `OSError`."""

    def open(self, path: str, flags: int) -> int:
        """Open a file and return its descriptor. A pipe in its place is not waited for."""
        return os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK, FILE_MODE)

    def close(self, descriptor: int) -> None:
        """Close a descriptor."""
        os.close(descriptor)

    def write(self, descriptor: int, data: bytes) -> int:
        """Write, and return how many bytes were taken."""
        return os.write(descriptor, data)

    def write_at(self, descriptor: int, data: bytes, position: int) -> int:
        """Write at a position, and return how many bytes were taken."""
        return os.pwrite(descriptor, data, position)

    def read_at(self, descriptor: int, size: int, position: int) -> bytes:
        """Read up to `size` bytes at a position."""
        return os.pread(descriptor, size, position)

    def size(self, path: str) -> int:
        """Return a file's size in bytes."""
        return os.stat(path).st_size

    def truncate(self, path: str, size: int) -> None:
        """Cut a file to `size` bytes."""
        os.truncate(path, size)

    def sync(self, descriptor: int) -> None:
        """Wait until a file's bytes and its size are on the disk."""
        os.fdatasync(descriptor)

    def sync_directory(self, path: str) -> None:
        """Wait until the entries of a directory are on the disk."""
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def sync_filesystem(self, descriptor: int) -> None:
        """Wait until all of the file system that holds an open file is on the disk: ``syncfs(2)``."""
        if _libc().syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    def free(self, path: str) -> int:
        """Return how many bytes may still be written to the file system that holds a path."""
        system = os.statvfs(path)
        return system.f_bavail * system.f_frsize

    def make_directory(self, path: str) -> None:
        """Make one directory."""
        os.mkdir(path, DIRECTORY_MODE)

    def rename(self, source: str, target: str) -> None:
        """Put a file in another's place, whole."""
        os.replace(source, target)

    def remove(self, path: str) -> None:
        """Delete a file."""
        os.unlink(path)

    def remove_directory(self, path: str) -> None:
        """Delete a directory that is empty."""
        os.rmdir(path)

    def names(self, path: str) -> list[str]:
        """Return the names in a directory."""
        return os.listdir(path)


@cache
def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def read_whole(files: Files, path: str, limit: int = SMALL_FILE_BYTES_MAX) -> bytes:
    """Return all of a small file, or the first `limit` bytes of one that is larger."""
    descriptor = files.open(path, os.O_RDONLY)
    try:
        return files.read_at(descriptor, min(files.size(path), limit), 0)
    finally:
        files.close(descriptor)


def publish(files: Files, path: str, data: bytes) -> None:
    """Put a small file in its place, whole and durable: fsync, rename, directory fsync."""
    draft = f"{path}.new"
    descriptor = files.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        if files.write(descriptor, data) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), draft)
        files.sync(descriptor)
    finally:
        files.close(descriptor)
    files.rename(draft, path)
    files.sync_directory(os.path.dirname(path))
