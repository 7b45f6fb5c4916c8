"""A real file system of a few MB that can be filled up.

It is in a mount namespace of its own, and goes with the process that holds that, whatever becomes of the test.
"""

from __future__ import annotations

import errno
import os
import subprocess
from contextlib import suppress
from pathlib import Path
from types import TracebackType

HOLD = 'mount -t tmpfs -o "size=$2m,nr_inodes=$1" small "$0" && echo mounted && exec cat'
PAGE = 4096
INODES, MEGABYTES = 300, 8


class SmallDisk:
    """Mounted from its making to `close`. `path` leads to it from any process of the same user."""

    def __init__(self, place: Path, inodes: int = INODES, megabytes: int = MEGABYTES) -> None:
        place.mkdir()
        self._holder = subprocess.Popen(
            ["/usr/bin/env", "unshare", "-rm", "sh", "-c", HOLD, str(place), str(inodes), str(megabytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self._holder.stdout is not None
        assert self._holder.stderr is not None
        if self._holder.stdout.readline() != b"mounted\n":
            why = self._holder.stderr.read().decode().strip()
            self.close()
            raise AssertionError(f"no tmpfs of {megabytes} MB: {why}: run this as root, or allow user namespaces")
        self.path = Path(f"/proc/{self._holder.pid}/root{place}")
        self._filler = self.path / "filler"
        self._fillers = self.path / "fillers"

    def close(self) -> None:
        """Let go of it: with its last process the kernel unmounts it."""
        self._holder.kill()
        self._holder.communicate()

    def fill(self, pages_left: int = 0) -> None:
        """Leave no room, or so many pages. Whoever has part of a page still has the rest of that."""
        with self._filler.open("ab", buffering=0) as filler:
            size = filler.tell()
            with suppress_full():
                while True:
                    size += filler.write(bytes(PAGE))
            filler.truncate((size // PAGE - pages_left) * PAGE)

    def fill_with_files(self) -> None:
        """Leave room for bytes, and for no other file."""
        self._fillers.mkdir()
        with suppress_full():
            for number in range(INODES):
                (self._fillers / str(number)).touch()

    def free(self) -> None:
        """Delete what it was filled with."""
        self._filler.unlink(missing_ok=True)
        if self._fillers.exists():
            for path in self._fillers.iterdir():
                path.unlink()
            self._fillers.rmdir()

    @property
    def pages_free(self) -> int:
        """How many pages can be had."""
        return os.statvfs(self.path).f_bavail


class suppress_full(suppress):  # noqa: N801 - it is read as a word, as `suppress` is
    """Go on behind the block when there is no room, and only then."""

    def __init__(self) -> None:
        super().__init__(OSError)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        return isinstance(error, OSError) and error.errno == errno.ENOSPC
