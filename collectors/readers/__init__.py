"""Readers of a host: each takes `psutil`, or what looks like it, and gives a `Reading` each time it is called."""

from __future__ import annotations

from collectors.readers import cpu, disk, mem, net
from collectors.readers.reader import Metric, Psutil, Reader

__all__ = ["METRICS", "Metric", "Psutil", "Reader"]

METRICS = {
    "cpu": Metric(cpu.reader, 1.0),
    "mem": Metric(mem.reader, 5.0),
    "disk": Metric(disk.reader, 5.0),
    "net": Metric(net.reader, 5.0),
}
