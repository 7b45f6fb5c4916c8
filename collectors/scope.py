"""Whose figures a metric's are: the host's, or those of the container that the collector runs in."""

from __future__ import annotations

import os

from collectors.mounts import Mounts

HOST, CONTAINER = "host", "container"
INITIAL_PROCESSES = "pid:[4026531836]"  # PROC_PID_INIT_INO of Linux: the processes of the machine itself
_GIVEN_TO_EACH_CONTAINER = ("/etc/hostname", "/etc/hosts")
_OF_THE_KERNEL = {"cpu": "stat", "mem": "meminfo"}


def scope_of(metric: str, proc: str = "/proc") -> str:
    """Return whose figures of a metric are read at a /proc that is this process's own.

    In a container the counters of CPU and memory are the host's, unless something, LXCFS for one, is mounted over them.
    Its disks and its network are its own, at best some of the host's. What cannot be told is called the container's.
    """
    try:
        with open(f"{proc}/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:
            mounts = Mounts(lines)
        if not _is_container(mounts, proc):
            return HOST
    except OSError:
        return CONTAINER
    counters = _OF_THE_KERNEL.get(metric)
    return HOST if counters is not None and mounts.at(f"/proc/{counters}") is None else CONTAINER


def _is_container(mounts: Mounts, proc: str) -> bool:
    """Whether processes are counted apart from the machine's, or files are mounted that container engines give."""
    if os.readlink(f"{proc}/self/ns/pid") != INITIAL_PROCESSES:
        return True
    return all(mounts.at(path) is not None for path in _GIVEN_TO_EACH_CONTAINER)
