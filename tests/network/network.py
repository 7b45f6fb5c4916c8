"""A real network: each place a network namespace with an address of its own, and a router between them that can fail.

    producers 10.77.1.2 ---+
    broker    10.77.2.2 ---+--- router
    readers   10.77.3.2 ---+

Every packet is forwarded by the router, so what is dropped there neither end is told of. The addresses are seen from
within only: any number of such networks can be there at once.
"""

from __future__ import annotations

import itertools
import os
import subprocess
from collections.abc import Mapping, Sequence
from shutil import which
from types import TracebackType
from typing import Literal

Place = Literal["producers", "broker", "readers"]
PLACES: tuple[Place, ...] = ("producers", "broker", "readers")
PROGRAMS = ("ip", "iptables-restore")
INSTALL = "apt-get install iproute2 iptables"
FORWARD = "echo 1 > /proc/sys/net/ipv4/ip_forward"
COMMAND_S_MAX = 30.0

_numbers = itertools.count()


class Network:
    """Up from its making to `close`, which comes after the end of all processes within."""

    def __init__(self) -> None:
        self._name = f"mq{os.getpid()}-{next(_numbers)}"
        self._losses: dict[Place, int] = {}
        self._generation = 1
        self._made: list[str] = []
        try:
            self._make()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Network:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Take it down."""
        while self._made:
            _run("ip", "netns", "delete", self._made.pop())

    def inside(self, place: str) -> list[str]:
        """Return what a command begins with that is to run there. It becomes that command, and keeps its pid."""
        return [_program("ip"), "netns", "exec", self._namespace(place)]

    @staticmethod
    def address(place: Place) -> str:
        """Return the address of a place."""
        return f"10.77.{PLACES.index(place) + 1}.2"

    def down(self, place: Place) -> None:
        """Take the link down at the router's end: no connection is told, and packets go nowhere."""
        self._router("link", "set", place, "down")

    def up(self, place: Place) -> None:
        """Take it up again."""
        self._router("link", "set", place, "up")

    def lose(self, place: Place, percent: int) -> None:
        """Drop so many of the packets from and to a place by chance; 0 for none, 100 for all."""
        self._losses[place] = percent
        self._filter()

    def forget(self) -> None:
        """Drop all packets of every connection that stands, as a NAT that lost its table; new ones are let through."""
        self._generation += 1
        self._filter()

    def _make(self) -> None:
        for name in ("router", *PLACES):
            _run("ip", "netns", "add", self._namespace(name))
            self._made.append(self._namespace(name))
        for place in PLACES:
            self._connect(place)
        _run(*self.inside("router"), "sh", "-c", FORWARD)
        self._filter()

    def _connect(self, place: Place) -> None:
        """Lay a cable from the router to a place."""
        there, gateway = self.address(place), self.address(place).removesuffix("2") + "1"
        peer = ("peer", "name", "uplink", "netns", self._namespace(place))
        self._router("link", "add", "name", place, "type", "veth", *peer)
        self._router("address", "add", f"{gateway}/24", "dev", place)
        self._router("link", "set", place, "up")
        within = ("ip", "-n", self._namespace(place))
        _run(*within, "address", "add", f"{there}/24", "dev", "uplink")
        for device in ("lo", "uplink"):
            _run(*within, "link", "set", device, "up")
        _run(*within, "route", "add", "default", "via", gateway)

    def _filter(self) -> None:
        """Let all rules take the place of those before, at once."""
        _run(*self.inside("router"), "iptables-restore", said=rules(self._losses, self._generation))

    def _router(self, *arguments: str) -> None:
        _run("ip", "-n", self._namespace("router"), *arguments)

    def _namespace(self, name: str) -> str:
        return f"{self._name}-{name}"


def rules(losses: Mapping[Place, int], generation: int) -> str:
    """Return what the router drops, as iptables-restore reads it.

    A connection is marked with the generation that it was opened in, and one of an earlier generation is dropped.
    """
    lines = [
        "*filter",
        f"-A FORWARD -p tcp --syn -j CONNMARK --set-mark {generation}",
        f"-A FORWARD -p tcp -m connmark ! --mark {generation} -j DROP",
    ]
    for place, percent in losses.items():
        chance = f"-m statistic --mode random --probability {percent / 100:.2f} -j DROP"
        lines += [f"-A FORWARD -i {place} {chance}", f"-A FORWARD -o {place} {chance}"]
    return "\n".join([*lines, "COMMIT", ""])


def why_not() -> str | None:
    """Return why there can be no such network here, None when there can."""
    missing = [program for program in PROGRAMS if which(program) is None]
    if missing:
        return f"network namespaces need {', '.join(missing)}: {INSTALL}"
    return None if os.geteuid() == 0 else "network namespaces need root: sudo make test"


def _run(program: str, *arguments: str, said: str = "") -> None:
    command: Sequence[str] = [_program(program), *arguments]
    done = subprocess.run(command, input=said, capture_output=True, text=True, timeout=COMMAND_S_MAX, check=False)
    assert done.returncode == 0, f"{' '.join(command)} said {done.stderr.strip()!r}; it was given {said!r}"


def _program(name: str) -> str:
    found = which(name)
    assert found is not None, f"needs {name}: {INSTALL}"
    return found
