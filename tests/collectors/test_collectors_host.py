"""A container's host in psutil's place: what is told is the host's, or nothing."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_host import MEMORY, FakeHost
from proc_trees import HALF, TREES, counters_of, host_of, places

from collectors.host import MOUNTS_MAX, Host, NotSeen
from collectors.readers import disk
from collectors.source import Source

NET_DEV = """\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 72129655283 10525876    0    0    0     0          0         0 72129655283 10525876    0    0    0     0       0          0
  eth0: 4057313640  100421    0    0    0     0          0         0  5518860   59422    0    0    0     0       0          0
eth1:9:        5       1    0    0    0     0          0         0        7       1    0    0    0     0       0          0
"""  # noqa: E501 - as the kernel writes it


def changed(tree: str, place: Path, change: Callable[[str], str] = str) -> Path:
    """Return a copy of a tree in which the container's mounts are others."""
    copy = shutil.copytree(TREES / tree, place / tree)
    own = copy / "self" / "mountinfo"
    own.write_text(change(own.read_text()))
    return copy


def told(tree: Path) -> dict[object, object]:
    """Return which mounts a sample tells of, and their devices."""
    rows = disk.reader(host_of(tree))().detail["mounts"]
    assert isinstance(rows, list)
    return {row["mount"]: row["device"] for row in rows if isinstance(row, dict)}


def proc_with(tmp_path: Path, net_dev: str) -> str:
    (tmp_path / "1" / "net").mkdir(parents=True)
    (tmp_path / "1" / "net" / "dev").write_text(net_dev)
    return str(tmp_path)


def test_psutil_is_told_where_the_hosts_proc_is_and_asked_for_the_rest() -> None:
    machine = FakeHost(virtual_memory=[MEMORY])
    assert Host(machine, "/host/proc").virtual_memory() == MEMORY
    assert vars(machine)["PROCFS_PATH"] == "/host/proc"


def test_the_network_is_that_of_the_hosts_process_1(tmp_path: Path) -> None:
    counters = Host(FakeHost(), proc_with(tmp_path, NET_DEV)).net_io_counters(pernic=True, nowrap=False)
    assert counters == {
        "lo": (72_129_655_283, 72_129_655_283),
        "eth0": (4_057_313_640, 5_518_860),
        "eth1:9": (5, 7),
    }
    assert counters["eth0"].bytes_recv == 4_057_313_640


def test_a_network_that_cannot_be_seen_is_not_told_and_complained_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = Source("net", "n1", Host(FakeHost(), str(tmp_path)))
    assert [source.sample() for _ in range(3)] == [None] * 3
    (complaint,) = caplog.messages
    assert "net cannot be read, its samples are skipped: NotSeen: this container sees" in complaint
    assert f"not the host's: {tmp_path}/1/net/dev: No such file" in complaint
    assert f"mount the host's /proc at {tmp_path}" in complaint


def test_a_recorded_servers_counters_are_all_its_own() -> None:
    """Of psutil none is this machine's."""
    with counters_of(TREES / "server") as machine:
        assert (machine.virtual_memory().total, machine.swap_memory().total) == (3_742_148 << 10, 4_194_300 << 10)
        assert machine.getloadavg() == (0.21, 0.37, 0.39)
        assert len(machine.cpu_times(percpu=True)) == 8
        assert machine.disk_io_counters(perdisk=True, nowrap=False)["sda"].read_bytes == 1_003_346_126 * 512
        assert machine.net_io_counters(pernic=True)["eth0"] == (874_354_587, 563_352_563)


def test_on_a_docker_host_its_one_disk_is_told_and_nothing_of_its_containers() -> None:
    assert places(TREES / "docker-cgroup1") == dict.fromkeys(["/", "/run/netns", "/var/lib/docker"], "/dev/vda")


def test_on_a_node_of_kubernetes_its_disks_are_told_and_those_of_its_pods() -> None:
    volume = "/var/lib/kubelet/pods/77aa/volumes/kubernetes.io~csi/pvc-8c1e/mount"
    assert told(TREES / "pod-cgroup2") == {
        "/": "/dev/sda1",
        "/boot/efi": "/dev/sda15",
        "/var/lib/containerd": "/dev/sdb",
        volume: "/dev/sdc",
    }


def test_of_many_kinds_those_with_a_disk_are_told_once_and_no_server_is_asked() -> None:
    """Not told: what the host mounted, replaced or unmounted since the container began, and what is hidden."""
    assert told(TREES / "many-kinds") == {
        "/": "/dev/nvme0n1p2",
        "/boot/efi": "/dev/nvme0n1p1",
        "/tank": "tank",
        "/tank/backup": "tank/backup",
        "/exports/photos": "/dev/sda1",
    }
    machine = FakeHost(disk_usage=[lambda _: HALF], disk_io_counters=[{}])
    disk.reader(host_of(TREES / "many-kinds", machine))()
    asked = {arguments[0] for name, arguments, _ in machine.asked if name == "disk_usage"}
    assert asked == {f"/host/root{path}" for path in ("/", "/boot/efi/", "/tank/", "/tank/backup/", "/exports/photos/")}


def test_the_other_place_will_do(tmp_path: Path) -> None:
    tree = changed("docker-cgroup1", tmp_path, lambda own: own.replace("/host/root", "/host_root"))
    machine = host_of(tree)
    assert machine.disk_usage("/srv/") == HALF
    assert disk.reader(machine)().value == 50.0


def no_root(own: str) -> str:
    return "".join(line for line in own.splitlines(keepends=True) if "/host/root" not in line)


def root_of_the_engine(own: str) -> str:
    """Return what dockerd takes for "/" where it runs in a place of its own, as in a snap."""
    return own.replace("97 78 254:0 / /host/root ro", "97 78 7:3 / /host/root ro")


def a_directory_for_root(own: str) -> str:
    return own.replace("97 78 254:0 / /host/root ro", "97 78 254:0 /srv /host/root ro")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (no_root, "mount the host's / at /host/root, read-only"),
        (root_of_the_engine, "what is mounted at /host/root is not the / of the host's process 1"),
        (a_directory_for_root, "what is mounted at /host/root is not the / of the host's process 1"),
    ],
)
def test_without_the_hosts_root_no_disk_is_told_and_it_is_complained_of_once(
    change: Callable[[str], str], why: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = Source("disk", "n1", host_of(changed("docker-cgroup1", tmp_path, change)))
    assert [source.sample() for _ in range(3)] == [None] * 3
    (complaint,) = caplog.messages
    assert re.search(f"disk cannot be read, .* this container sees the disks of its own only, .*{why}", complaint)


@pytest.mark.parametrize("missing", ["1/mountinfo", "filesystems"])
def test_a_proc_without_what_disks_need_is_named(missing: str, tmp_path: Path) -> None:
    tree = changed("docker-cgroup1", tmp_path)
    (tree / missing).unlink()
    with pytest.raises(NotSeen, match=f"not the host's: {tree}/{missing}: No such file"):
        host_of(tree).disk_partitions(all=False)


def test_a_table_without_an_end_is_not_read_to_it(tmp_path: Path) -> None:
    line = "2 1 8:1 / /a rw - ext4 /dev/sda1 rw\n"
    tree = changed("docker-cgroup1", tmp_path, lambda own: own + line * MOUNTS_MAX)
    with pytest.raises(NotSeen, match="mountinfo has more than 10,000 mounts"):
        host_of(tree).disk_partitions(all=False)
