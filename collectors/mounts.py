"""The mounts of a process, from its /proc/PID/mountinfo (proc_pid_mountinfo(5)). Decides, and reads nothing.

Of a line are kept its numbers, and what it calls things::

    36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
    number, parent, device, root, path           kind, source

What is mounted later may hide what was there, at the same place and below it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_LINE = re.compile(r"(\d+) (\d+) (\d+:\d+) (\S+) (\S+) .*? - (\S+) (\S*) ")
_ESCAPED = re.compile(r"\\([0-7]{3})")


class Mount(NamedTuple):
    """What is seen at a path: the part below `root` of the file system that is known by its `device`."""

    number: int
    parent: int
    device: str
    root: str
    path: str
    kind: str
    source: str

    def shows_the_same_as(self, other: Mount | None) -> bool:
        """Whether both are the same part of the same file system."""
        return other is not None and (self.device, self.root) == (other.device, other.root)


class Mounts:
    """What is mounted, and not hidden by what is mounted over it."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._by_number: dict[int, Mount] = {}
        self._by_parent: dict[int, list[Mount]] = {}
        self._by_path: dict[str, list[Mount]] = {}
        for mount in _read(lines):
            self._by_number[mount.number] = mount
            self._by_parent.setdefault(mount.parent, []).append(mount)
            self._by_path.setdefault(mount.path, []).append(mount)

    def __iter__(self) -> Iterator[Mount]:
        """Give what can be seen, nearest to "/" first."""
        for path in sorted(self._by_path, key=lambda path: (len(path), path)):
            found = self.at(path)
            if found is not None:
                yield found

    def at(self, path: str) -> Mount | None:
        """Return what is mounted at just this path."""
        return next((each for each in reversed(self._by_path.get(path, ())) if not self._is_hidden(each)), None)

    def _is_hidden(self, mount: Mount) -> bool:
        """Whether another lies on top of it, or over a directory that leads to it or to what it is mounted on."""
        if any(other.path == mount.path for other in self._by_parent.get(mount.number, ()) if other is not mount):
            return True
        on_the_way, passed = mount, set[int]()
        while on_the_way.number not in passed:
            passed.add(on_the_way.number)
            if any(_is_above(other.path, on_the_way.path) for other in self._by_parent[on_the_way.parent]):
                return True
            on_the_way = self._by_number.get(on_the_way.parent, on_the_way)
        return False


def _read(lines: Iterable[str]) -> Iterator[Mount]:
    for line in lines:
        found = _LINE.match(line)
        if found is not None:
            number, parent, device, *names = found.groups()
            yield Mount(int(number), int(parent), device, *map(_unescaped, names))


def _unescaped(name: str) -> str:
    """Return a name as it is: what would part a line the kernel writes in octal."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 8)), name)


def _is_above(path: str, other: str) -> bool:
    return path != other and other.startswith(f"{path.rstrip('/')}/")
