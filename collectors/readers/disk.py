"""Disks: how full their file systems are, and how many bytes come and go."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Container
from contextlib import suppress
from typing import Any

from collectors.readers.rates import Clock, Rates
from collectors.readers.reader import Psutil, Reader, per_cent
from collectors.sample import Detail, Reading, Row

MOUNTS_MAX = 64
IMAGES = frozenset({"squashfs", "iso9660", "udf", "erofs", "cramfs"})  # full from the day they were made
# What these move is counted at the disks below them, or is no disk: loops, memory, LVM, RAID, caches, volumes of ZFS,
# and the single paths to an NVMe disk.
_COUNTED_BELOW = re.compile(r"(loop|ram|zram|dm-|md|drbd|bcache|zd)[\d_].*|nvme\d+c\d+n\d+")
_PARTITION = re.compile(r"(.*\d)p\d+|(.*\D)\d+")  # nvme0n1p2 is of nvme0n1, sda1 of sda


def reader(psutil: Psutil, clock: Clock = time.monotonic) -> Reader:
    """Return a reader of disks: "/" in per cent used, and each mount; bytes/s since the reading before."""
    rates = Rates(_counters(psutil), clock)

    def read() -> Reading:
        value = per_cent(psutil.disk_usage("/").percent)
        detail: dict[str, Detail] = {"mounts": _mounts(psutil)}
        disks = rates.per_second(_counters(psutil))
        if disks:
            detail["read"] = sum(read for read, _ in disks.values())
            detail["written"] = sum(written for _, written in disks.values())
        return Reading(value, "%", detail)

    return read


def _mounts(psutil: Psutil) -> list[Row]:
    """Return the mounts that hold data: one a device, where it is mounted nearest to "/".

    With `all=False` psutil leaves out what has no disk of its own, network file systems among it. They must not be
    asked: where the server is dead, the answer never comes.
    """
    uppermost = {each.mountpoint: each for each in psutil.disk_partitions(all=False)}  # others on its place are hidden
    found: dict[str, Row] = {}
    for path in sorted(uppermost, key=lambda path: (len(path), path)):
        partition = uppermost[path]
        if partition.device in found or partition.fstype in IMAGES or len(found) == MOUNTS_MAX:
            continue
        with suppress(OSError):  # gone by now, or not for us to see
            found[partition.device] = _row(partition, psutil.disk_usage(os.path.join(path, "")))
    return list(found.values())


def _row(partition: Any, usage: Any) -> Row:
    """Return what is said of a mount.

    The usage is asked for at "PATH/", which fails for a file: a container has single files mounted, as /etc/hosts.
    """
    return {
        "mount": partition.mountpoint,
        "device": partition.device,
        "fs": partition.fstype,
        "total": usage.total,
        "used": usage.used,
        "free": usage.free,
        "percent": per_cent(usage.percent),
    }


def _counters(psutil: Psutil) -> dict[str, tuple[int, int]]:
    """Return the bytes read and written of each whole disk; nothing where the kernel does not say."""
    try:
        disks = psutil.disk_io_counters(perdisk=True, nowrap=False) or {}
    except (OSError, NotImplementedError, ValueError):
        return {}
    return {name: (each.read_bytes, each.write_bytes) for name, each in disks.items() if _is_whole(name, disks)}


def _is_whole(name: str, others: Container[str]) -> bool:
    """Return whether a block device is a disk, and not a part or another face of one."""
    part = _PARTITION.fullmatch(name)
    return not _COUNTED_BELOW.fullmatch(name) and (part is None or (part[1] or part[2]) not in others)
