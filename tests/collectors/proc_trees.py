"""Recorded /proc trees (`tests/data/proc`), and a psutil that may stand for any machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from fake_host import FakeHost, Usage

from collectors.host import Host

TREES = Path(__file__).parents[1] / "data" / "proc"
HALF = Usage(100, 50, 50, 50.0)


def host_of(tree: Path, machine: FakeHost | None = None) -> Host:
    """Return the host of a tree, seen by the container that it was recorded in; each of its disks is as full."""
    machine = machine or FakeHost(disk_usage=[lambda _: HALF], disk_io_counters=[{}])
    return Host(machine, str(tree), str(tree / "self" / "mountinfo"))


def places(tree: Path) -> dict[str, str]:
    """Return where the host of a tree is seen to have which device."""
    return {each.mountpoint: each.device for each in host_of(tree).disk_partitions(all=False)}


@contextmanager
def counters_of(tree: Path) -> Iterator[Host]:
    """Give a host whose counters psutil itself reads from a tree; after that psutil reads this machine's again."""
    before = psutil.PROCFS_PATH
    try:
        yield Host(psutil, str(tree))
    finally:
        psutil.PROCFS_PATH = before
