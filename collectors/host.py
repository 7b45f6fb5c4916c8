"""A container's host, in psutil's place: nothing of the container's own is given out as the host's."""

from __future__ import annotations

from functools import cached_property
from itertools import islice
from typing import Any, NamedTuple, TextIO

from collectors.mounts import Mounts
from collectors.readers import Psutil

HOST_ROOT = ("/host/root", "/host_root")
OWN_MOUNTS = "/proc/self/mountinfo"
MOUNTS_MAX = 10_000


class NotSeen(OSError):
    """Something of the host cannot be seen from in here."""


class Bytes(NamedTuple):
    """An interface's counters, under psutil's names."""

    bytes_recv: int
    bytes_sent: int


class Partition(NamedTuple):
    """A file system and its place on the host, under psutil's names."""

    device: str
    mountpoint: str
    fstype: str


class Host:
    """What the readers ask of `psutil`, answered for the host whose /proc is mounted at `proc`.

    Of any /proc the links lead to who reads them: self/mounts and net/dev are the container's. So the host's
    are read of its process 1.
    """

    def __init__(self, psutil: Psutil, proc: str, own_mounts: str = OWN_MOUNTS) -> None:
        psutil.PROCFS_PATH = proc
        self._psutil = psutil
        self._proc = proc
        self._own_mounts = own_mounts

    def __getattr__(self, name: str) -> Any:
        """Give what psutil itself says: by its PROCFS_PATH it reads the host's CPU, memory and disk counters."""
        return getattr(self._psutil, name)

    def getloadavg(self) -> tuple[float, ...]:
        """Return the host's load averages, over 1, 5 and 15 minutes."""
        with self._open("loadavg", "load") as file:
            return tuple(map(float, file.readline().split()[:3]))

    def net_io_counters(self, **_: bool) -> dict[str, Bytes]:
        """Return the counters of the host's interfaces."""
        with self._open("1/net/dev", "network") as lines:
            rows = [line.rpartition(":") for line in lines if ":" in line]
        return {name.strip(): _bytes_of(counters) for name, _, counters in rows}

    def disk_partitions(self, **_: bool) -> list[Partition]:
        """Return the host's mounts with a disk of their own, as far as the container sees them too.

        What the host has mounted since the container began may be missing there: the directory that is in its place
        belongs to another file system.
        """
        root, ours, kinds = self._root, self._mounts_of_container(), self._kinds()
        seen = [
            mount
            for mount in self._mounts_of_host()
            if mount.kind in kinds and mount.shows_the_same_as(ours.at(f"{root}{mount.path}".rstrip("/")))
        ]
        names = {mount.device: mount.source for mount in reversed(seen)}
        return [Partition(names[mount.device], mount.path, mount.kind) for mount in seen]

    def disk_usage(self, path: str) -> Any:
        """Return how full the host's file system at a path of the host is."""
        return self._psutil.disk_usage(self._root + path)

    @cached_property
    def _root(self) -> str:
        """Where the host's "/" is mounted; a directory of that name, or another file system, is not the host's."""
        ours, theirs = self._mounts_of_container(), self._mounts_of_host().at("/")
        mounted = [mount for mount in map(ours.at, HOST_ROOT) if mount is not None]
        if not mounted:
            raise _not_seen(
                "disks", f"mount the host's / at {HOST_ROOT[0]}, read-only, or leave disk out of METRIC_TYPE"
            )
        found = next((mount.path for mount in mounted if mount.shows_the_same_as(theirs)), None)
        if found is None:
            raise _not_seen("disks", f"what is mounted at {mounted[0].path} is not the / of the host's process 1")
        return found

    def _mounts_of_host(self) -> Mounts:
        with self._open("1/mountinfo", "disks") as lines:
            return _bounded(lines)

    def _mounts_of_container(self) -> Mounts:
        with open(self._own_mounts, encoding="utf-8", errors="surrogateescape") as lines:
            return _bounded(lines)

    def _kinds(self) -> set[str]:
        """Return the kinds of file systems that live on disks. ZFS has its own way to them."""
        with self._open("filesystems", "disks") as lines:
            return {line.strip() for line in lines if not line.startswith("nodev")} | {"zfs"}

    def _open(self, name: str, what: str) -> TextIO:
        """Open a file of the host's /proc."""
        path = f"{self._proc}/{name}"
        try:
            return open(path, encoding="utf-8", errors="surrogateescape")
        except OSError as error:
            mend = f"mount the host's /proc at {self._proc} and run as a user who may read it"
            raise _not_seen(what, f"{path}: {error.strerror}; {mend}") from None


def _not_seen(what: str, why: str) -> NotSeen:
    return NotSeen(f"this container sees the {what} of its own only, not the host's: {why}")


def _bounded(lines: TextIO) -> Mounts:
    found = list(islice(lines, MOUNTS_MAX + 1))
    if len(found) > MOUNTS_MAX:
        raise NotSeen(f"{lines.name} has more than {MOUNTS_MAX:,} mounts")
    return Mounts(found)


def _bytes_of(counters: str) -> Bytes:
    """Return the first column of receiving and the first of sending, in a line of /proc/net/dev."""
    columns = counters.split()
    return Bytes(int(columns[0]), int(columns[8]))
