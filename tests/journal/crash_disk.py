# ruff: noqa: D102, S311 - the operations are described where they are real; chance decides what a disk holds
"""A disk that can lose its power: it records what is asked of it, and builds what it may hold after any of that.

What POSIX promises, and no more. Of a file all is there that was written before its last sync. Each later write is
there, or is not, or some of its sectors are; each later cut happened or did not; the size is any that it had since.
A name is what it was at the last sync of its directory, or anything that it was since, each by itself: that a file
was synced says nothing of its name. A rename alone is never half done.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from pathlib import Path
from random import Random
from typing import NamedTuple

from journal_kit import QuickFiles

from mq.journal.layout import LOCK

SECTOR_BYTES = 512
ROOT = 0


class Made(NamedTuple):
    """A file or a directory began to be; its name is a matter of its own."""

    node: int
    is_directory: bool


class Written(NamedTuple):
    """Bytes were written into a file."""

    node: int
    position: int
    data: bytes


class Cut(NamedTuple):
    """A file was cut to a size."""

    node: int
    size: int


class Named(NamedTuple):
    """In a directory a name became that of a node, or of none; `source` is the name the node had before."""

    node: int
    name: str
    means: int | None
    source: str | None = None


class Synced(NamedTuple):
    """What was done to a node until now is on the disk; None: to all of them."""

    node: int | None


Change = Written | Cut
Operation = Made | Change | Named | Synced


@dataclass
class Node:
    """A file or a directory: what is certainly on the disk, and what was done since."""

    is_directory: bool
    data: bytes = b""
    names: dict[str, int] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    namings: list[Named] = field(default_factory=list)

    def sync(self) -> None:
        self.data, self.names = EVERYTHING.data(self), EVERYTHING.names(self)
        self.changes, self.namings = [], []


class Disk:
    """All nodes at one moment of a record."""

    def __init__(self, nodes: dict[int, Node]) -> None:
        self.nodes = nodes

    def apply(self, operation: Operation) -> None:
        """Go on to the moment behind an operation."""
        if isinstance(operation, Made):
            self.nodes[operation.node] = Node(operation.is_directory)
        elif isinstance(operation, Named):
            self.nodes[operation.node].namings.append(operation)
        elif isinstance(operation, Written | Cut):
            self.nodes[operation.node].changes.append(operation)
        else:
            for node in self.nodes.values() if operation.node is None else [self.nodes[operation.node]]:
                node.sync()

    def build(self, fate: Fate, path: Path, number: int = ROOT) -> None:
        """Make at `path` what the disk holds when the power goes at this moment."""
        node = self.nodes[number]
        if not node.is_directory:
            path.write_bytes(fate.data(node))
            return
        path.mkdir()
        for name, child in fate.names(node).items():
            self.build(fate, path / name, child)


class Fate:
    """What becomes of what was not synced. For each node a chance is drawn, by which a change of it is there."""

    def __init__(self, seed: int, chances: Sequence[float] = (0, 0.3, 0.7, 0.95, 1)) -> None:
        self._random = Random(seed)
        self._chances = chances

    def data(self, node: Node) -> bytes:
        """Return what a file holds."""
        if not node.changes:
            return node.data
        chance = self._random.choice(self._chances)
        versions = list(accumulate(node.changes, _changed, initial=node.data))
        mix = self._mix_writes if self._random.random() < 0.5 else self._mix_sectors
        size = len(self._pick(versions, chance))
        return mix(node, versions, chance)[:size].ljust(size, b"\0")

    def names(self, node: Node) -> dict[str, int]:
        """Return what the names in a directory stand for."""
        chance = self._random.choice(self._chances)
        names = dict(node.names)
        for naming in node.namings:
            if not self._happens(chance):
                continue
            if naming.means is None:
                names.pop(naming.name, None)
            else:
                names[naming.name] = naming.means
            if naming.source is not None and self._happens(chance):
                names.pop(naming.source, None)
        return names

    def _mix_writes(self, node: Node, versions: list[bytes], chance: float) -> bytes:
        """Let each change happen, or not, or some sectors of it."""
        data = versions[0]
        for change in node.changes:
            whole = self._happens(chance)
            for part in [change] if whole or isinstance(change, Cut) else _sectors(change):
                if whole or (0 < chance < 1 and self._happens(chance / 2)):
                    data = _changed(data, part)
        return data

    def _mix_sectors(self, _: Node, versions: list[bytes], chance: float) -> bytes:
        """Let each sector be as it was at some time: so a disk does that writes whole sectors out of a cache."""
        ends = range(0, max(map(len, versions)), SECTOR_BYTES)
        sectors = (self._pick(versions, chance)[at : at + SECTOR_BYTES] for at in ends)
        return b"".join(sector.ljust(SECTOR_BYTES, b"\0") for sector in sectors)

    def _pick(self, versions: list[bytes], chance: float) -> bytes:
        if self._happens(chance):
            return versions[-1]
        return self._random.choice(versions) if chance > 0 else versions[0]

    def _happens(self, chance: float) -> bool:
        return self._random.random() < chance


EVERYTHING = Fate(0, (1,))
NOTHING = Fate(0, (0,))


def _changed(data: bytes, change: Change) -> bytes:
    if isinstance(change, Cut):
        return data[: change.size].ljust(change.size, b"\0")
    before = data[: change.position].ljust(change.position, b"\0")
    return before + change.data + data[change.position + len(change.data) :]


def _sectors(write: Written) -> list[Change]:
    """Return a write as the sectors that it touches."""
    stop = write.position + len(write.data)
    first = write.position - write.position % SECTOR_BYTES
    edges = [write.position, *range(first + SECTOR_BYTES, stop, SECTOR_BYTES), stop]
    return [
        Written(write.node, at, write.data[at - write.position : end - write.position]) for at, end in pairwise(edges)
    ]


class CrashDisk(QuickFiles):
    """The real files below one directory; all that is in it at first is on the disk. `record` is what is done then."""

    def __init__(self, root: Path) -> None:
        self.record: list[Operation] = []
        self._nodes: dict[str, int] = {}
        self._opened: dict[int, int] = {}
        self._start: dict[int, Node] = {}
        self._take_in(root)

    def moments(self) -> Iterator[Disk]:
        """Yield the disk before the first operation, and behind each: one object, which goes on with the asking."""
        disk = Disk(deepcopy(self._start))
        yield disk
        for operation in self.record:
            disk.apply(operation)
            yield disk

    def open(self, path: str, flags: int) -> int:
        is_new = not os.path.exists(path)
        descriptor = super().open(path, flags)
        if is_new:
            self._make(path, is_directory=False)
        elif flags & os.O_TRUNC:
            self.record.append(Cut(self._nodes[path], 0))
        self._opened[descriptor] = self._nodes[path]
        return descriptor

    def write(self, descriptor: int, data: bytes) -> int:
        taken = super().write(descriptor, data)
        position = os.lseek(descriptor, 0, os.SEEK_CUR) - taken
        self.record.append(Written(self._opened[descriptor], position, data[:taken]))
        return taken

    def write_at(self, descriptor: int, data: bytes, position: int) -> int:
        taken = super().write_at(descriptor, data, position)
        self.record.append(Written(self._opened[descriptor], position, data[:taken]))
        return taken

    def truncate(self, path: str, size: int) -> None:
        super().truncate(path, size)
        self.record.append(Cut(self._nodes[path], size))

    def sync(self, descriptor: int) -> None:
        self.record.append(Synced(self._opened[descriptor]))

    def sync_directory(self, path: str) -> None:
        if path in self._nodes:  # what is above the data directory is not part of what is cut
            self.record.append(Synced(self._nodes[path]))

    def sync_filesystem(self, descriptor: int) -> None:  # noqa: ARG002 - there is but one
        self.record.append(Synced(None))

    def make_directory(self, path: str) -> None:
        super().make_directory(path)
        self._make(path, is_directory=True)

    def rename(self, source: str, target: str) -> None:
        super().rename(source, target)
        assert os.path.dirname(source) == os.path.dirname(target), "the record knows no moving between directories"
        self._nodes[target] = self._nodes.pop(source)
        self._name(target, self._nodes[target], os.path.basename(source))

    def remove(self, path: str) -> None:
        super().remove(path)
        del self._nodes[path]
        self._name(path, None)

    def remove_directory(self, path: str) -> None:
        super().remove_directory(path)
        del self._nodes[path]
        self._name(path, None)

    def _make(self, path: str, *, is_directory: bool) -> None:
        number = 1 + max([*self._start, *(each.node for each in self.record if isinstance(each, Made))])
        self._nodes[path] = number
        self.record.append(Made(number, is_directory))
        self._name(path, number)

    def _name(self, path: str, means: int | None, source: str | None = None) -> None:
        directory, name = os.path.split(path)
        self.record.append(Named(self._nodes[directory], name, means, source))

    def _take_in(self, path: Path) -> int:
        number = len(self._start)
        self._nodes[str(path)] = number
        node = self._start[number] = Node(path.is_dir())
        if not node.is_directory:
            node.data = path.read_bytes()
            return number
        for each in sorted(path.iterdir()):
            if each.name != LOCK:  # it is opened by another way, and nothing depends on what is in it
                node.names[each.name] = self._take_in(each)
        return number
