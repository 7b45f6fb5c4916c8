r"""The payload contract: what a collector publishes on ``host/<node>/<metric>``, one msgpack map a sample.

In every sample:

- ``time``: when it was read, in ns since the Unix epoch, by the host's clock
- ``node``, ``metric``: as in the topic
- ``value``, ``unit``: a finite number, and what it counts, "%" or "B/s"
- ``interval``: seconds from one sample of this metric to the next, so that a slow collector is not taken for a dead one
- ``scope``: whose figures these are: "host", or "container" where a collector sees only the one that it runs in
- ``collector``: the process that made it, as ``<hostname>/<pid>``; two of them under one node are a mistake

``cpu``, in "%": ``value`` is busy time of all cores; and

- ``per_core``: the same of each core
- ``load``: the load averages over 1, 5 and 15 minutes

``mem``, in "%": ``value`` is what programs cannot have of it; and, in bytes,

- ``total``, ``used``, ``available``: of memory, where used is all that is not available
- ``cached``: what is held of files, most of which is available too
- ``swap_total``, ``swap_used``: of swap

``disk``, in "%": ``value`` is how full "/" is for programs that are not root's; and

- ``mounts``: at most 64 maps, one for each local disk or volume that is mounted, the shortest path first: ``mount`` its
  path, ``device``, ``fs`` the file system's kind, ``total``, ``used`` and ``free`` in bytes, ``percent`` as ``value``
- ``read``, ``written``: of all disks together, in bytes/s since the reading before; absent where no disk is counted

``net``, in "B/s": ``value`` is bytes/s since the reading before, of all real interfaces, both ways together; and

- ``received``, ``sent``: the same one way, in bytes/s
- ``interfaces``: at most 64 maps, one for each real interface: ``name``, ``received`` and ``sent`` in bytes/s

Per cent is 0 to 100. Text that is no UTF-8 on the host, a path for one, has its odd bytes written as ``\udcXX``.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

import msgpack

from mq.topic import encode_topic

Row = dict[str, str | float]
Detail = float | list[float] | list[Row]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader saw: the number that a card shows, and the detail that a plot wants."""

    value: float
    unit: str
    detail: dict[str, Detail] = field(default_factory=dict)


def encode(
    reading: Reading, *, time: int, node: str, metric: str, interval_s: float, scope: str, collector: str
) -> bytes:
    """Return a sample's bytes."""
    sample = {
        "time": time,
        "node": node,
        "metric": metric,
        "value": reading.value,
        "unit": reading.unit,
        "interval": interval_s,
        "scope": scope,
        "collector": collector,
    }
    packed: bytes = msgpack.packb({**sample, **reading.detail}, use_bin_type=True, unicode_errors="backslashreplace")
    return packed


def this_collector() -> str:
    """Return the name of this process."""
    return f"{os.uname().nodename}/{os.getpid()}"


def topic_of(node: str, metric: str) -> str:
    """Return where a sample goes. Raises `BadTopic` for a node's name that is no segment of a topic."""
    topic = f"host/{node}/{metric}"
    encode_topic(topic)
    return topic
