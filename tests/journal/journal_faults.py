# ruff: noqa: D102 - the operations are described where they are real
"""The file seam with faults in it: calls that fail, once or for good, chosen by operation and path."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass, field

from journal_kit import QuickFiles


@dataclass
class Fault:
    """Makes `operation` on a path that ends in `ending` fail with `number`, `times` times (-1: for good).

    With `taken`, a write takes that many bytes first, and says so instead of failing when `number` is 0.
    """

    operation: str
    ending: str
    number: int = errno.EIO
    times: int = -1
    taken: int = 0
    hits: int = 0

    def strikes(self, operation: str, path: str) -> bool:
        if operation != self.operation or not path.endswith(self.ending) or self.hits == self.times:
            return False
        self.hits += 1
        return True


@dataclass
class FaultyFiles(QuickFiles):
    """The real files, except where a fault strikes. `done` lists what was asked for: operation and path."""

    faults: list[Fault] = field(default_factory=list)
    done: list[tuple[str, str]] = field(default_factory=list)
    paths: dict[int, str] = field(default_factory=dict)

    def add(self, operation: str, ending: str, number: int = errno.EIO, times: int = -1, taken: int = 0) -> Fault:
        fault = Fault(operation, ending, number, times, taken)
        self.faults.append(fault)
        return fault

    def _struck(self, operation: str, path: str) -> Fault | None:
        self.done.append((operation, path))
        return next((fault for fault in self.faults if fault.strikes(operation, path)), None)

    def _try(self, operation: str, path: str) -> None:
        if fault := self._struck(operation, path):
            raise OSError(fault.number, os.strerror(fault.number), path)

    def open(self, path: str, flags: int) -> int:
        self._try("open", path)
        descriptor = super().open(path, flags)
        self.paths[descriptor] = path
        return descriptor

    def write(self, descriptor: int, data: bytes) -> int:
        return self._write(descriptor, data, "write", lambda part: os.write(descriptor, part))

    def write_at(self, descriptor: int, data: bytes, position: int) -> int:
        return self._write(descriptor, data, "write_at", lambda part: os.pwrite(descriptor, part, position))

    def _write(self, descriptor: int, data: bytes, operation: str, write: Callable[[bytes], int]) -> int:
        fault = self._struck(operation, self.paths[descriptor])
        if fault is None:
            return write(data)
        taken = write(data[: fault.taken]) if fault.taken else 0
        if fault.number:
            raise OSError(fault.number, os.strerror(fault.number))
        return taken

    def read_at(self, descriptor: int, size: int, position: int) -> bytes:
        self._try("read_at", self.paths[descriptor])
        return super().read_at(descriptor, size, position)

    def size(self, path: str) -> int:
        self._try("size", path)
        return super().size(path)

    def truncate(self, path: str, size: int) -> None:
        self._try("truncate", path)
        super().truncate(path, size)

    def sync(self, descriptor: int) -> None:
        self._try("sync", self.paths[descriptor])
        super().sync(descriptor)

    def sync_directory(self, path: str) -> None:
        self._try("sync_directory", path)
        super().sync_directory(path)

    def sync_filesystem(self, descriptor: int) -> None:
        self._try("sync_filesystem", self.paths[descriptor])
        super().sync_filesystem(descriptor)

    def make_directory(self, path: str) -> None:
        self._try("make_directory", path)
        super().make_directory(path)

    def rename(self, source: str, target: str) -> None:
        self._try("rename", target)
        super().rename(source, target)

    def remove(self, path: str) -> None:
        self._try("remove", path)
        super().remove(path)

    def remove_directory(self, path: str) -> None:
        self._try("remove_directory", path)
        super().remove_directory(path)

    def names(self, path: str) -> list[str]:
        self._try("names", path)
        return super().names(path)
