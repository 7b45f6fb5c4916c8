"""The network itself: each of its faults is felt, for as long as it lasts, and by the connections that it is about."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from faults import KINDS, schedule
from hypothesis import given
from hypothesis import strategies as st
from network import Network, Place, rules, why_not

PROBING = str(Path(__file__).with_name("probing.py"))
LINE_S_MAX = 20.0

needs_network = pytest.mark.skipif(
    why_not() is not None and "CI" not in os.environ, reason=why_not() or "there is a network to be had"
)


class Probe:
    """A program that asks from one place, and one that answers at another."""

    def __init__(self, network: Network) -> None:
        address = network.address("broker")
        self._answers = self._start(network, "broker", "answer", address)
        assert _line(self._answers) == "ready"
        self._asks = self._start(network, "producers", "ask", address)
        assert self.says("open") == "yes"

    def says(self, what: str) -> str:
        """Return what comes of a new connection (`open`) or of the one that there is (`try`)."""
        assert self._asks.stdin is not None
        self._asks.stdin.write(f"{what}\n".encode())
        return _line(self._asks)

    def end(self) -> None:
        """End both."""
        for process in (self._asks, self._answers):
            process.kill()
            process.communicate()

    @staticmethod
    def _start(network: Network, place: Place, *arguments: str) -> subprocess.Popen[bytes]:
        command = [*network.inside(place), sys.executable, PROBING, *arguments]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)


def _line(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    assert select.select([process.stdout], [], [], LINE_S_MAX)[0], "it says nothing"
    return process.stdout.readline().decode().strip()


@pytest.fixture
def network() -> Iterator[Network]:
    """Return a network."""
    with Network() as made:
        yield made


@pytest.fixture
def probe(network: Network) -> Iterator[Probe]:
    """Return what asks across it."""
    made = Probe(network)
    yield made
    made.end()


@needs_network
@pytest.mark.parametrize("place", ["producers", "broker"])
def test_nothing_gets_through_a_link_that_is_down(network: Network, probe: Probe, place: Place) -> None:
    network.down(place)
    assert probe.says("try") == "no"
    network.up(place)
    assert probe.says("open") == "yes"


@needs_network
def test_a_link_that_is_down_elsewhere_is_not_felt(network: Network, probe: Probe) -> None:
    network.down("readers")
    assert probe.says("try") == "yes"


@needs_network
def test_nothing_gets_through_silence_and_some_through_loss(network: Network, probe: Probe) -> None:
    network.lose("broker", 100)
    assert probe.says("try") == "no"
    network.lose("broker", 5)
    assert "yes" in {probe.says("open") for _ in range(5)}
    network.lose("broker", 0)
    assert probe.says("open") == "yes"


@needs_network
def test_a_connection_that_is_forgotten_stays_so_and_a_new_one_gets_through(network: Network, probe: Probe) -> None:
    network.forget()
    assert probe.says("try") == "no"
    assert probe.says("try") == "no"
    assert probe.says("open") == "yes"
    assert probe.says("try") == "yes"


def test_what_is_lost_by_chance_is_lost_both_ways() -> None:
    lines = rules({"readers": 20, "broker": 2}, 1).splitlines()
    found = [line for line in lines if "statistic" in line]
    assert [line.split()[2:4] for line in found] == [
        ["-i", "readers"],
        ["-o", "readers"],
        ["-i", "broker"],
        ["-o", "broker"],
    ]
    assert ["0.20" in line for line in found] == [True, True, False, False]


@given(st.integers(), st.floats(0, 300))
def test_a_seed_gives_the_same_faults_again_and_each_kind_before_any_comes_again(seed: int, seconds: float) -> None:
    faults = list(schedule(seed, seconds))
    assert faults == list(schedule(seed, seconds))
    assert sum(fault.seconds for fault in faults) <= seconds + 1e-6
    kinds = [fault.kind for fault in faults]
    for at in range(0, len(kinds), len(KINDS)):
        turn = kinds[at : at + len(KINDS)]
        assert len(set(turn)) == len(turn)
