"""Whose figures a metric's are, by what a process can see of where it runs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from proc_trees import TREES

from collectors.readers import METRICS
from collectors.scope import CONTAINER, HOST, INITIAL_PROCESSES, scope_of

OWN_PROCESSES = "pid:[4026532182]"
LXCFS = "90 79 0:61 /proc/{0} /proc/{0} rw,nosuid,nodev,relatime - fuse.lxcfs lxcfs rw,user_id=0,group_id=0\n"


def proc(place: Path, mountinfo: str, processes: str) -> str:
    (place / "self" / "ns").mkdir(parents=True)
    (place / "self" / "mountinfo").write_text(mountinfo)
    (place / "self" / "ns" / "pid").symlink_to(processes)
    return str(place)


def scopes(proc: str) -> dict[str, str]:
    return {metric: scope_of(metric, proc) for metric in METRICS}


@pytest.mark.parametrize("tree", ["docker-cgroup1", "pod-cgroup2", "many-kinds"])
@pytest.mark.parametrize("processes", [OWN_PROCESSES, INITIAL_PROCESSES])
def test_a_container_sees_the_kernels_counters_and_disks_and_a_network_of_its_own(
    tree: str, processes: str, tmp_path: Path
) -> None:
    """With the host's processes too, as with hostPID."""
    own = (TREES / tree / "self" / "mountinfo").read_text()
    assert scopes(proc(tmp_path, own, processes)) == {"cpu": HOST, "mem": HOST, "disk": CONTAINER, "net": CONTAINER}


@pytest.mark.parametrize("tree", ["server", "docker-cgroup1", "pod-cgroup2", "many-kinds"])
def test_a_host_is_none(tree: str, tmp_path: Path) -> None:
    own = (TREES / tree / "1" / "mountinfo").read_text()
    assert set(scopes(proc(tmp_path, own, INITIAL_PROCESSES)).values()) == {HOST}


def test_counters_that_something_lies_over_are_the_containers(tmp_path: Path) -> None:
    own = (TREES / "docker-cgroup1" / "self" / "mountinfo").read_text()
    found = scopes(proc(tmp_path, own + LXCFS.format("meminfo"), OWN_PROCESSES))
    assert found == {"cpu": HOST, "mem": CONTAINER, "disk": CONTAINER, "net": CONTAINER}


def test_what_cannot_be_told_is_not_called_the_hosts(tmp_path: Path) -> None:
    assert scope_of("cpu", str(tmp_path)) == CONTAINER
    shutil.copytree(TREES / "docker-cgroup1" / "self", tmp_path / "self")
    assert scope_of("cpu", str(tmp_path)) == CONTAINER
