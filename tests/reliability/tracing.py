"""Calls of a real process that fail: strace puts the errors there, and writes down the calls that it saw."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from shutil import which
from types import TracebackType
from typing import NamedTuple

END_S_MAX = 30.0
SYNCS = "fdatasync,fsync,syncfs"
RENAMES = "?rename,?renameat,renameat2"  # by name only where the processor's kernel has them
MKDIRS = "?mkdir,mkdirat"
STATS = "?stat,?newfstatat,?statx"


class Fault(NamedTuple):
    """Which calls fail, how, and when: "2" is the second of them, "1..3" the first three, "1+" all."""

    calls: str
    error: str
    when: str = "1"

    def __str__(self) -> str:
        return f"{self.calls} {self.error} at {self.when}"


def strace(log: Path, fault: Fault, paths: Sequence[Path] = (), seen: str = "") -> list[str]:
    """Return the command that makes a process fail so, only on `paths` if there are any.

    Calls that are `seen` too are written down and left alone.
    """
    program = which("strace")
    assert program is not None, "needs strace: apt-get install strace"
    traced = f"trace={fault.calls},{seen}".rstrip(",")
    inject = f"inject={fault.calls}:error={fault.error}:when={fault.when}"
    only = [argument for path in paths for argument in ("-P", str(path))]
    return [program, "-f", "-y", "-o", str(log), "-e", traced, "-e", inject, *only]


def log_path(data: Path, topic: str, base: int = 0) -> Path:
    """Return the path of a segment, which need not be there yet."""
    return data / "topics" / topic / f"@{base:020}.log"


class Tracing:
    """Attached to a process from its making to the end of the block, or of that process."""

    def __init__(self, process: int, log: Path, fault: Fault, paths: Sequence[Path] = (), seen: str = "") -> None:
        self._log = log
        self._strace = subprocess.Popen(
            [*strace(log, fault, paths, seen), "-p", str(process)], stderr=subprocess.PIPE, text=True
        )
        assert self._strace.stderr is not None
        said = self._strace.stderr.readline()
        if "attached" not in said:
            self.end()
            raise AssertionError(f"strace cannot attach: {said.strip()}: run this as root, or allow ptrace")

    def __enter__(self) -> Tracing:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """Let the process go on as it is, and what was seen is complete."""
        self._strace.terminate()
        self._strace.communicate(timeout=END_S_MAX)

    @property
    def failed(self) -> list[str]:
        """The calls that were made to fail."""
        return [line for line in self._lines if "(INJECTED)" in line]

    @property
    def after(self) -> list[str]:
        """The calls seen after the first that was made to fail."""
        first = next(at for at, line in enumerate(self._lines) if "(INJECTED)" in line)
        return [line for line in self._lines[first + 1 :] if "(" in line and "+++" not in line]

    @property
    def _lines(self) -> list[str]:
        return self._log.read_text().splitlines()
