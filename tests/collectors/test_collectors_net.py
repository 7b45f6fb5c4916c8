"""The network against recorded counters: which interfaces count, and rates that survive what interfaces do."""

from __future__ import annotations

import math

import pytest
from fake_host import FakeClock, FakeHost, NetIo
from hypothesis import given
from hypothesis import strategies as st

from collectors.readers import net
from collectors.readers.net import INTERFACES_MAX
from collectors.sample import Reading

Looks = list[dict[str, NetIo]]


def io(received: int, sent: int) -> NetIo:
    return NetIo(sent, received, 1, 1, 0, 0, 0, 0)


def readings(*looks: dict[str, NetIo], seconds: float = 5.0) -> list[Reading]:
    """Return a reading for each look after the first."""
    read = net.reader(FakeHost(net_io_counters=looks), FakeClock(seconds))
    return [read() for _ in looks[1:]]


def interfaces(reading: Reading) -> dict[object, tuple[object, object]]:
    rows = reading.detail["interfaces"]
    assert isinstance(rows, list)
    return {row["name"]: (row["received"], row["sent"]) for row in rows if isinstance(row, dict)}


def test_rates_are_of_each_interface_and_of_all_over_the_time_that_passed() -> None:
    before = {"lo": io(0, 0), "eth0": io(4_057_313_640, 5_518_860), "wlan0": io(100, 200)}
    after = {"lo": io(99, 99), "eth0": io(4_057_315_640, 5_519_260), "wlan0": io(100, 220)}
    (reading,) = readings(before, after, seconds=2.0)
    assert (reading.value, reading.unit) == (1210.0, "B/s")
    assert (reading.detail["received"], reading.detail["sent"]) == (1000.0, 210.0)
    assert interfaces(reading) == {"eth0": (1000.0, 200.0), "wlan0": (0.0, 10.0)}


def test_counters_are_asked_for_as_they_are() -> None:
    machine = FakeHost(net_io_counters=[{}])
    net.reader(machine)()
    assert machine.asked == [("net_io_counters", (), {"pernic": True, "nowrap": False})] * 2


@pytest.mark.parametrize(
    "name",
    ["eth0", "eno1", "enp3s0f1", "ens192", "enx001122334455", "wlan0", "wlp2s0", "wwan0", "ppp0", "venet0", "ib0"],
)
def test_what_carries_bytes_off_the_host_counts(name: str) -> None:
    assert list(interfaces(readings({}, {name: io(1, 1)})[0])) == [name]


@pytest.mark.parametrize(
    "name",
    [
        "lo", "veth1a2b3c", "docker0", "docker_gwbridge", "br-5f2c", "br0", "virbr0", "virbr0-nic", "cni0", "flannel.1",
        "cali1234", "cilium_host", "kube-ipvs0", "tun0", "tap0", "vnet3", "wg0", "tailscale0", "vxlan.calico",
        "bond0", "team0", "vlan7", "eth0.100", "ifb0", "dummy0", "sit0", "gre0", "gretap0", "ip6tnl0", "tunl0",
        "erspan0",
    ],
)  # fmt: skip
def test_what_carries_the_same_bytes_again_or_none_does_not(name: str) -> None:
    assert interfaces(readings({}, {name: io(1, 1)})[0]) == {}


def test_of_a_bond_its_members_count() -> None:
    before = {"bond0": io(0, 0), "eth0": io(0, 0), "eth1": io(0, 0)}
    (reading,) = readings(before, {"bond0": io(20, 0), "eth0": io(10, 0), "eth1": io(10, 0)}, seconds=1.0)
    assert reading.value == 20.0


def test_a_counter_that_goes_back_costs_its_own_rate_for_once() -> None:
    looks = [{"eth0": io(1000, 1000)}, {"eth0": io(10, 1500)}, {"eth0": io(510, 1500)}]
    assert [interfaces(each)["eth0"] for each in readings(*looks)] == [(0.0, 100.0), (100.0, 0.0)]


def test_an_interface_that_comes_or_goes_costs_the_others_nothing() -> None:
    looks = [
        {"eth0": io(0, 0)},
        {"eth0": io(50, 0), "usb0": io(9000, 9000)},
        {"eth0": io(100, 0)},
        {"eth0": io(150, 0), "usb0": io(10_000, 9000)},
        {"eth0": io(200, 0), "usb0": io(10_050, 9000)},
    ]
    assert [each.value for each in readings(*looks)] == [10.0, 10.0, 10.0, 20.0]


def test_without_an_interface_nothing_moves() -> None:
    (reading,) = readings({}, {})
    assert (reading.value, reading.detail) == (0, {"received": 0, "sent": 0, "interfaces": []})


def test_of_too_many_interfaces_all_count_and_some_are_told() -> None:
    names = [f"eth{number}" for number in range(200)]
    (reading,) = readings(dict.fromkeys(names, io(0, 0)), dict.fromkeys(names, io(1, 0)), seconds=1.0)
    assert reading.value == 200.0
    assert list(interfaces(reading)) == names[:INTERFACES_MAX]


@given(
    looks=st.lists(st.dictionaries(st.text(max_size=5), st.builds(io, *[st.integers(0, 2**64)] * 2)), min_size=2),
    seconds=st.floats(allow_nan=False, allow_infinity=False),
)
def test_whatever_the_counters_and_the_clock_say_rates_are_finite(looks: Looks, seconds: float) -> None:
    for reading in readings(*looks, seconds=seconds):
        for rate in (reading.value, *(rate for pair in interfaces(reading).values() for rate in pair)):
            assert isinstance(rate, (int, float))
            assert math.isfinite(rate)
            assert rate >= 0.0
