"""Two producers, a subscriber and a consumer with a name, each a process at its place, and their broker in another."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP
from threading import Event
from types import TracebackType

from broker_process import BrokerProcess
from checker import Told
from faults import Fault, Kind
from lines import Lines, acknowledged, heard
from network import Network, Place
from waiting import eventually

HERE = Path(__file__).parent
PATH = os.pathsep.join(map(str, (HERE, HERE.parent, HERE.with_name("reliability"))))
SETTINGS = {"MINIMQ_SEGMENT_BYTES": "65536", "MINIMQ_SYNC_INTERVAL_S": "0.05"}
PRODUCERS = {"patient": ("written", "120"), "hasty": ("durable", "4")}
FOLLOWER, CONSUMER = "follower", "consumer"
READERS = {FOLLOWER: ("follow",), CONSUMER: ("consume", "named")}
ACKNOWLEDGED_AGAIN = 20
RECOVERY_S_MAX = 30.0
END_S_MAX = 60.0

Ends = dict[str, int]


class Scene:
    """Plays from its making. `recovered` says of each fault for how long it was felt after its end."""

    def __init__(self, place: Path) -> None:
        self.recovered: list[str] = []
        self.lines = {name: Lines(place / f"{name}.lines", acknowledged) for name in PRODUCERS}
        self.lines |= {name: Lines(place / f"{name}.lines", heard) for name in READERS}
        self._complaints = place / "complaints"
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._network = Network()
        self.broker = BrokerProcess(
            place / "data", SETTINGS, self._network.address("broker"), self._network.inside("broker")
        )

    def __enter__(self) -> Scene:
        for name in PRODUCERS:
            self._produce(name)
        for name in READERS:
            self._read(name)
        self._goes_on("the beginning", list(READERS))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all that is left, at once."""
        for name in list(self._running):
            self._kill(name)
        self.broker.kill()
        self._network.close()

    def suffer(self, fault: Fault) -> float:
        """Let a fault last, end it, wait until everybody goes on, and return how many seconds that takes."""
        begin, end = self._ways(fault)
        begin()
        Event().wait(fault.seconds)  # how long it lasts is what the fault is
        end()
        # A consumer that died holds its name for a while yet: it is waited for after the next fault.
        return self._goes_on(str(fault), [FOLLOWER] if fault.kind == "crash" else list(READERS))

    def end(self) -> None:
        """End the producers once all has its answer, the readers once they have heard all that was acknowledged."""
        for name in PRODUCERS:
            stdin = self._running[name].stdin
            assert stdin is not None
            stdin.close()
        for name in PRODUCERS:
            self._wait_for(name)
        wanted = self._acknowledged_ends()
        for name in READERS:
            eventually(partial(self._has_heard, name, wanted), END_S_MAX)
            self._running[name].terminate()
            self._wait_for(name)

    @property
    def told(self) -> list[Told]:
        """What became of every record."""
        return [
            Told(topic, body.encode(), outcome, offset)
            for name in PRODUCERS
            for topic, body, outcome, offset in self.lines[name].read().rows
        ]

    def _ways(self, fault: Fault) -> tuple[Callable[[], object], Callable[[], object]]:
        """Return how to begin a fault, and how to end it."""
        network, place = self._network, fault.place
        ways: dict[Kind, tuple[Callable[[], object], Callable[[], object]]] = {
            "cut": (partial(network.down, place), partial(network.up, place)),
            "silence": (partial(network.lose, place, 100), partial(network.lose, place, 0)),
            "loss": (partial(network.lose, place, fault.percent), partial(network.lose, place, 0)),
            "forget": (network.forget, bool),
            "kill": (self.broker.kill, self.broker.start),
            "stop": (partial(self.broker.signal, SIGSTOP), partial(self.broker.signal, SIGCONT)),
            "crash": (partial(self._kill, CONSUMER), partial(self._read, CONSUMER)),
        }
        return ways[fault.kind]

    def _goes_on(self, after: str, readers: list[str]) -> float:
        """Wait until each producer has had answers to what is new, and these readers have heard that."""
        began = time.monotonic()
        wanted = {name: self.lines[name].read().placed + ACKNOWLEDGED_AGAIN for name in PRODUCERS}
        for name, number in wanted.items():
            eventually(partial(self._has_placed, name, number), RECOVERY_S_MAX)
        answered = time.monotonic()
        ends = self._acknowledged_ends()
        for name in readers:
            eventually(partial(self._has_heard, name, ends), RECOVERY_S_MAX)
        took = time.monotonic()
        self.recovered.append(f"{after}: answers after {answered - began:.1f} s, heard after {took - began:.1f} s")
        return took - began

    def _has_placed(self, name: str, number: int) -> bool:
        return self.lines[name].read().placed >= number

    def _acknowledged_ends(self) -> Ends:
        """Return the offset of the last record of each topic that is known to be there."""
        ends: Ends = {}
        for name in PRODUCERS:
            for topic, offset in self.lines[name].read().ends.items():
                ends[topic] = max(offset, ends.get(topic, 0))
        return ends

    def _has_heard(self, name: str, wanted: Ends) -> bool:
        ends = self.lines[name].read().ends
        return all(ends.get(topic, -1) >= offset for topic, offset in wanted.items())

    def _produce(self, name: str) -> None:
        self._start(name, "producers", "produce", name, *PRODUCERS[name])

    def _read(self, name: str) -> None:
        self.lines[name].cut()
        self._start(name, "readers", *READERS[name])

    def _start(self, name: str, place: Place, program: str, *arguments: str) -> None:
        command = [sys.executable, str(HERE / "stations.py"), program, self.broker.control]
        with self._complaints.open("ab") as complaints:
            self._running[name] = subprocess.Popen(
                [*self._network.inside(place), *command, str(self.lines[name].path), *arguments],
                stdin=subprocess.PIPE,
                stderr=complaints,
                env={**os.environ, "PYTHONPATH": PATH},
            )

    def _wait_for(self, name: str) -> None:
        """See that it ends, and in order."""
        code = self._running[name].wait(END_S_MAX)
        assert code == 0, f"{name} ended with {code}: {self._complaints.read_text()}"

    def _kill(self, name: str) -> None:
        process = self._running.pop(name)
        process.send_signal(SIGKILL)
        process.wait()
        if process.stdin is not None:
            process.stdin.close()
