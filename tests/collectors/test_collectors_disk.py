"""Disks against recorded mounts and counters: which of them count, and what one that fails costs."""

from __future__ import annotations

import math
from typing import Any

import pytest
from fake_host import DiskIo, FakeClock, FakeHost, Partition, Usage, by_path
from hypothesis import given
from hypothesis import strategies as st

from collectors.readers import disk
from collectors.readers.disk import MOUNTS_MAX

ROOT = Usage(105_089_261_568, 47_290_167_705, 52_435_968_000, 47.4)
HOME = Usage(402_653_184_000, 120_795_955_200, 281_857_228_800, 30.0)
PARTITIONS = [
    Partition("/dev/nvme0n1p2", "/", "ext4", "rw"),
    Partition("/dev/sda1", "/home", "xfs", "rw"),
]
USAGES: dict[str, Usage | Exception] = {"/": ROOT, "/home/": HOME}
IDLE: dict[str, DiskIo] = {}


def io(read: int, written: int) -> DiskIo:
    return DiskIo(1, 1, read, written, 1, 1)


def host(
    partitions: list[Partition] = PARTITIONS, usages: dict[str, Usage | Exception] = USAGES, *counters: Any
) -> FakeHost:
    return FakeHost(disk_partitions=[partitions], disk_usage=[by_path(usages)], disk_io_counters=counters or [IDLE])


def told(partitions: list[Partition], usages: dict[str, Usage | Exception]) -> list[tuple[object, object]]:
    """Return the place and the device of each mount that is told of."""
    rows = disk.reader(host(partitions, {"/": ROOT, **usages}))().detail["mounts"]
    assert isinstance(rows, list)
    return [(row["mount"], row["device"]) for row in rows if isinstance(row, dict)]


def mounts(partitions: list[Partition], usages: dict[str, Usage | Exception]) -> list[object]:
    return [mount for mount, _ in told(partitions, usages)]


def rates(*counters: Any, seconds: float = 5.0) -> list[tuple[object, object]]:
    """Return what is read and written at each look after the first."""
    read = disk.reader(host(PARTITIONS, USAGES, *counters), FakeClock(seconds))
    details = [read().detail for _ in counters[1:]]
    return [(detail.get("read"), detail.get("written")) for detail in details]


def test_the_value_is_how_full_root_is_and_each_mount_is_told() -> None:
    reading = disk.reader(host())()
    assert (reading.value, reading.unit) == (47.4, "%")
    row = {"mount": "/home", "device": "/dev/sda1", "fs": "xfs"}
    size = {"total": 402_653_184_000, "used": 120_795_955_200, "free": 281_857_228_800, "percent": 30.0}
    assert reading.detail["mounts"] == [
        {"mount": "/", "device": "/dev/nvme0n1p2", "fs": "ext4", **dict(zip(size, ROOT, strict=True))},
        {**row, **size},
    ]


def test_only_mounts_with_a_disk_of_this_host_are_asked_for() -> None:
    machine = host()
    disk.reader(machine)()
    assert ("disk_partitions", (), {"all": False}) in machine.asked


def test_of_a_device_the_shortest_mount_is_told() -> None:
    places = ["/var/lib/docker/btrfs", "/srv", "/", "/var/lib/docker"]
    partitions = [Partition("/dev/sda1", place, "btrfs", "rw") for place in places]
    assert mounts(partitions, {f"{place}/": HOME for place in places if place != "/"}) == ["/"]


def test_of_mounts_on_one_place_the_last_is_the_one_that_is_seen() -> None:
    partitions = [Partition("/dev/sda1", "/mnt", "ext4", "rw"), Partition("/dev/sdb1", "/mnt", "ext4", "rw")]
    assert told(partitions, {"/mnt/": HOME}) == [("/mnt", "/dev/sdb1")]


def test_images_are_full_for_ever_and_are_left_out() -> None:
    partitions = [
        Partition("/dev/loop0", "/snap/core/1", "squashfs", "ro"),
        Partition("/dev/sr0", "/media/cd", "iso9660", "ro"),
    ]
    assert mounts(partitions, {"/snap/core/1/": HOME, "/media/cd/": HOME}) == []


def test_files_that_a_container_has_mounted_are_no_mounts_but_a_volume_of_the_same_disk_is() -> None:
    files = ["/etc/hosts", "/etc/hostname", "/etc/resolv.conf"]
    partitions = [Partition("/dev/vda", path, "ext4", "rw") for path in [*files, "/var/lib/minimq"]]
    refused = {f"{path}/": NotADirectoryError(20, "Not a directory", path) for path in files}
    assert mounts(partitions, {**refused, "/var/lib/minimq/": HOME}) == ["/var/lib/minimq"]


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), FileNotFoundError(), OSError(107, "gone")])
def test_a_mount_that_cannot_be_read_is_left_out_alone(error: OSError) -> None:
    assert disk.reader(host(PARTITIONS, {"/": ROOT, "/home/": error}))().value == 47.4
    assert mounts(PARTITIONS, {"/home/": error}) == ["/"]


def test_a_root_that_cannot_be_read_is_no_reading() -> None:
    with pytest.raises(PermissionError):
        disk.reader(host(PARTITIONS, {"/": PermissionError(13, "Permission denied")}))()


def test_of_too_many_mounts_those_nearest_to_root_are_told() -> None:
    names = [f"/data{number:04}" for number in range(200)]
    partitions = [Partition(f"pool{name}", name, "zfs", "rw") for name in reversed(names)]
    found = mounts([*partitions, PARTITIONS[0]], {f"{name}/": HOME for name in names})
    assert found == ["/", *names[: MOUNTS_MAX - 1]]


def test_rates_are_of_all_disks_over_the_time_that_passed() -> None:
    before = {"sda": io(1000, 0), "nvme0n1": io(0, 500)}
    after = {"sda": io(2000, 100), "nvme0n1": io(500, 1500)}
    assert rates(before, after, after, seconds=2.0) == [(750.0, 550.0), (0.0, 0.0)]


def test_bytes_are_counted_once_on_their_way_through_partitions_volumes_and_loops() -> None:
    names = [
        "sda", "sda1", "sdaa", "nvme0n1", "nvme0n1p1", "nvme0n10", "nvme0c0n1", "mmcblk0", "mmcblk0p2", "mmcblk0boot0",
        "dm-0", "dm-12", "md0", "md127p1", "md_d0", "loop3", "ram0", "zram0", "zd16", "bcache0", "drbd1",
        "xvda1", "vda",
    ]  # fmt: skip
    disks = ["sda", "sdaa", "nvme0n1", "nvme0n10", "mmcblk0", "mmcblk0boot0", "xvda1", "vda"]
    before = dict.fromkeys(names, io(0, 0))
    after = dict.fromkeys(names, io(5, 10))
    assert rates(before, after) == [(float(len(disks)), 2.0 * len(disks))]


def test_a_counter_that_goes_back_and_a_disk_that_comes_or_goes_cost_their_own_rate_for_once() -> None:
    looks = [
        {"sda": io(1000, 1000), "sdb": io(1000, 1000)},
        {"sda": io(500, 1050), "sdb": io(1500, 1000), "sdc": io(9000, 9000)},
        {"sda": io(1000, 1050), "sdc": io(9500, 9000)},
    ]
    assert rates(*looks) == [(100.0, 10.0), (200.0, 0.0)]


@pytest.mark.parametrize("nothing", [{}, None, OSError("no diskstats"), NotImplementedError(), ValueError("line")])
def test_where_no_disk_is_counted_the_rates_are_absent_and_come_when_one_is(nothing: Any) -> None:
    assert rates(nothing, nothing, {"sda": io(10, 10)}, {"sda": io(20, 30)}) == [(None, None), (0.0, 0.0), (2.0, 4.0)]


@given(
    percent=st.floats(),
    looks=st.lists(st.dictionaries(st.sampled_from("abc"), st.builds(io, *[st.integers(0, 2**64)] * 2)), min_size=2),
    seconds=st.floats(allow_nan=False, allow_infinity=False),
)
def test_whatever_the_counters_and_the_clock_say_figures_are_finite(
    percent: float, looks: list[dict[str, DiskIo]], seconds: float
) -> None:
    machine = host([], {"/": ROOT._replace(percent=percent)}, *looks)
    read = disk.reader(machine, FakeClock(seconds))
    for reading in [read() for _ in looks[1:]]:
        assert 0.0 <= reading.value <= 100.0
        for rate in (reading.detail.get("read", 0.0), reading.detail.get("written", 0.0)):
            assert isinstance(rate, (int, float))
            assert math.isfinite(rate)
            assert rate >= 0.0
