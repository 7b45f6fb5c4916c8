"""A container's host in psutil's place: what is told is the host's, or nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fake_host import FakeHost, Partition, Usage, by_path

from collectors.host import Host, NotSeen
from collectors.readers import disk
from collectors.source import Source

NET_DEV = """\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 72129655283 10525876    0    0    0     0          0         0 72129655283 10525876    0    0    0     0       0          0
  eth0: 4057313640  100421    0    0    0     0          0         0  5518860   59422    0    0    0     0       0          0
eth1:9:        5       1    0    0    0     0          0         0        7       1    0    0    0     0       0          0
"""  # noqa: E501 - as the kernel writes it
HALF = Usage(100, 50, 50, 50.0)
FULL = Usage(100, 100, 0, 100.0)
OF_THE_CONTAINER = [
    Partition("overlay", "/", "overlay", "rw"),
    Partition("/dev/vda", "/etc/hosts", "ext4", "rw"),
    Partition("/dev/vdz", "/data", "ext4", "rw"),
]
OF_THE_HOST = [
    Partition("/dev/vda", "/host/root", "ext4", "ro"),
    Partition("/dev/vdb", "/host/root/srv", "xfs", "ro"),
    Partition("/dev/vdc", "/host/rooted", "xfs", "ro"),
]


def host(partitions: list[Partition], proc: str = "/host/proc") -> Host:
    usages: dict[str, Usage | Exception] = {"/": FULL, "/data/": FULL, "/host/root/": HALF, "/host/root/srv/": HALF}
    return Host(FakeHost(disk_partitions=[partitions], disk_usage=[by_path(usages)], disk_io_counters=[{}]), proc)


def proc_with(tmp_path: Path, net_dev: str) -> str:
    (tmp_path / "1" / "net").mkdir(parents=True)
    (tmp_path / "1" / "net" / "dev").write_text(net_dev)
    return str(tmp_path)


def test_psutil_is_told_where_the_hosts_proc_is_and_asked_for_the_rest() -> None:
    machine = FakeHost(getloadavg=[(1.0, 2.0, 3.0)])
    assert Host(machine, "/host/proc").getloadavg() == (1.0, 2.0, 3.0)
    assert vars(machine)["PROCFS_PATH"] == "/host/proc"


def test_the_network_is_that_of_the_hosts_process_1(tmp_path: Path) -> None:
    counters = host([], proc_with(tmp_path, NET_DEV)).net_io_counters(pernic=True, nowrap=False)
    assert counters == {
        "lo": (72_129_655_283, 72_129_655_283),
        "eth0": (4_057_313_640, 5_518_860),
        "eth1:9": (5, 7),
    }
    assert counters["eth0"].bytes_recv == 4_057_313_640


def test_a_network_that_cannot_be_seen_is_not_told_and_complained_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = Source("net", "n1", host([], str(tmp_path)))
    assert [source.sample() for _ in range(3)] == [None] * 3
    (complaint,) = caplog.messages
    assert f"net cannot be read, its samples are skipped: NotSeen: {tmp_path}/1/net/dev: No such file" in complaint
    assert f"mount the host's /proc at {tmp_path}" in complaint


def test_disks_are_those_below_the_hosts_root_at_their_places_on_the_host() -> None:
    reading = disk.reader(host([*OF_THE_CONTAINER, *OF_THE_HOST]))()
    assert reading.value == 50.0
    rows = reading.detail["mounts"]
    assert isinstance(rows, list)
    assert [(row["mount"], row["device"]) for row in rows if isinstance(row, dict)] == [
        ("/", "/dev/vda"),
        ("/srv", "/dev/vdb"),
    ]


def test_the_other_place_will_do() -> None:
    machine = FakeHost(
        disk_partitions=[[Partition("/dev/vda", "/host_root", "ext4", "ro")]], disk_usage=[lambda _: HALF]
    )
    assert Host(machine, "/host_proc").disk_usage("/srv/") == HALF
    assert machine.asked[-1] == ("disk_usage", ("/host_root/srv/",), {})


def test_without_the_hosts_root_no_disk_is_told_though_a_directory_may_be_there(
    caplog: pytest.LogCaptureFixture,
) -> None:
    source = Source("disk", "n1", host(OF_THE_CONTAINER))
    assert [source.sample() for _ in range(3)] == [None] * 3
    (complaint,) = caplog.messages
    assert re.search("disk cannot be read, .* mount the host's / at /host/root, read-only", complaint)
    with pytest.raises(NotSeen):
        host(OF_THE_CONTAINER).disk_partitions(all=False)
