"""A container's host, in psutil's place: nothing of the container's own is given out as the host's."""

from __future__ import annotations

from functools import cached_property
from typing import Any, NamedTuple

from collectors.readers import Psutil

HOST_ROOT = ("/host/root", "/host_root")


class NotSeen(OSError):
    """Something of the host cannot be seen from in here."""


class Bytes(NamedTuple):
    """An interface's counters, under psutil's names."""

    bytes_recv: int
    bytes_sent: int


class Host:
    """What the readers ask of `psutil`, answered for the host whose /proc is mounted at `proc`."""

    def __init__(self, psutil: Psutil, proc: str) -> None:
        psutil.PROCFS_PATH = proc
        self._psutil = psutil
        self._proc = proc

    def __getattr__(self, name: str) -> Any:
        """Give what psutil itself says: by its PROCFS_PATH it reads the host's CPU, memory and disk counters."""
        return getattr(self._psutil, name)

    def net_io_counters(self, **_: bool) -> dict[str, Bytes]:
        """Return the counters of the host's interfaces: those of its process 1.

        psutil reads /proc/net/dev, a link to self/net: of whichever /proc, that is the network of who reads it.
        """
        path = f"{self._proc}/1/net/dev"
        try:
            with open(path, encoding="utf-8", errors="surrogateescape") as lines:
                rows = [line.rpartition(":") for line in lines if ":" in line]
        except OSError as error:
            why = f"{path}: {error.strerror}; mount the host's /proc at {self._proc} and run as a user who may read it"
            raise NotSeen(why) from None
        return {name.strip(): _bytes_of(counters) for name, _, counters in rows}

    def disk_partitions(self, **kinds: bool) -> list[Any]:
        """Return the host's mounts, where they are on the host."""
        root = self._root
        mounts = self._psutil.disk_partitions(**kinds)
        return [
            each._replace(mountpoint=each.mountpoint.removeprefix(root) or "/")
            for each in mounts
            if f"{each.mountpoint}/".startswith(f"{root}/")
        ]

    def disk_usage(self, path: str) -> Any:
        """Return how full the host's file system at a path of the host is."""
        return self._psutil.disk_usage(self._root + path)

    @cached_property
    def _root(self) -> str:
        """Where the host's "/" is mounted; a mere directory of that name would be the container's own disk."""
        mounted = {each.mountpoint for each in self._psutil.disk_partitions(all=True)}
        found = next((path for path in HOST_ROOT if path in mounted), None)
        if found is None:
            raise NotSeen(f"mount the host's / at {HOST_ROOT[0]}, read-only, or leave disk out of METRIC_TYPE")
        return found


def _bytes_of(counters: str) -> Bytes:
    """Return the first column of receiving and the first of sending, in a line of /proc/net/dev."""
    columns = counters.split()
    return Bytes(int(columns[0]), int(columns[8]))
