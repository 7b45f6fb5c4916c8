"""A host whose counters are recorded: what the readers take in psutil's place."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Sequence
from typing import Any

Times = namedtuple("Times", "user nice system idle iowait irq softirq steal guest guest_nice")
Memory = namedtuple("Memory", "total available percent used free active inactive buffers cached shared slab")
Swap = namedtuple("Swap", "total used free percent sin sout")
Partition = namedtuple("Partition", "device mountpoint fstype opts")
Usage = namedtuple("Usage", "total used free percent")
DiskIo = namedtuple("DiskIo", "read_count write_count read_bytes write_bytes read_time write_time")
NetIo = namedtuple("NetIo", "bytes_sent bytes_recv packets_sent packets_recv errin errout dropin dropout")

# Four cores of a host, about a second apart, with a virtual machine on core 1 (its time as a guest is in user too), a
# disk that core 2 waits for, and a hypervisor that took a tenth of core 3.
BEFORE = [
    Times(9217.08, 12.51, 2210.96, 181402.11, 310.42, 0.0, 71.30, 4.55, 0.0, 0.0),
    Times(9530.77, 10.02, 2188.40, 181120.63, 298.80, 0.0, 44.12, 4.71, 120.00, 0.0),
    Times(9402.15, 11.77, 2301.18, 181215.94, 402.66, 0.0, 40.87, 4.60, 0.0, 0.0),
    Times(9310.02, 12.90, 2240.51, 181377.20, 305.19, 0.0, 38.44, 4.49, 0.0, 0.0),
]
AFTER = [
    Times(9217.08, 12.51, 2210.96, 181403.11, 310.42, 0.0, 71.30, 4.55, 0.0, 0.0),
    Times(9531.57, 10.02, 2188.60, 181120.63, 298.80, 0.0, 44.12, 4.71, 120.80, 0.0),
    Times(9402.15, 11.77, 2301.28, 181216.04, 403.46, 0.0, 40.87, 4.60, 0.0, 0.0),
    Times(9310.17, 12.95, 2240.56, 181377.80, 305.19, 0.0, 38.49, 4.59, 0.0, 0.0),
]
PER_CORE = [0.0, 100.0, 10.0, 40.0]  # by hand, as top(1) would say
ALL_CORES = 37.5

MEMORY = Memory(
    16_626_614_272, 11_638_624_256, 30.0, 4_987_990_016, 3_140_620_288, 4_013_207_552, 7_411_003_392, 401_235_968,
    8_437_977_088, 353_337_344, 1_042_845_696,
)  # fmt: skip
SWAP = Swap(2_147_479_552, 536_870_912, 1_610_608_640, 25.0, 0, 0)


class FakeHost:
    """Gives for each function of psutil one answer after another, the last one again and again.

    An answer that is an error is raised; one that is a function is asked.
    """

    def __init__(self, **answers: Sequence[Any]) -> None:
        self._answers = {name: list(each) for name, each in answers.items()}
        self.asked: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def answer(*arguments: Any, **options: Any) -> Any:
            self.asked.append((name, arguments, options))
            answers = self._answers[name]
            found = answers.pop(0) if len(answers) > 1 else answers[0]
            if isinstance(found, Exception):
                raise found
            return found(*arguments, **options) if callable(found) else found

        return answer


def cores(snapshots: Sequence[Any]) -> FakeHost:
    """Return a host with these CPU times."""
    return FakeHost(cpu_times=snapshots, getloadavg=[(0.52, 0.48, 0.5)])


def by_path(usages: dict[str, Usage | Exception]) -> Callable[[str], Usage]:
    """Return an answer of disk_usage: what is known of each path, and that no other is there."""

    def answer(path: str) -> Usage:
        found = usages.get(path, FileNotFoundError(2, "No such file or directory", path))
        if isinstance(found, Exception):
            raise found
        return found

    return answer


class FakeClock:
    """A clock that goes on by so much with each look."""

    def __init__(self, *steps: float) -> None:
        self._now = 1000.0
        self._steps = list(steps)

    def __call__(self) -> float:
        """Return the time, and go on."""
        now = self._now
        self._now += self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]
        return now
