"""A host whose counters are recorded: what the readers take in psutil's place."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

Times = namedtuple("Times", "user nice system idle iowait irq softirq steal guest guest_nice")

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


@dataclass
class FakeHost:
    """Gives one snapshot after another, the last one again and again; an error among them is raised."""

    snapshots: list[Sequence[Any] | Exception]
    load: tuple[float, float, float] = (0.52, 0.48, 0.5)
    asked: list[bool] = field(default_factory=list)

    def cpu_times(self, percpu: bool = False) -> Sequence[Any]:
        """Return the next snapshot."""
        self.asked.append(percpu)
        snapshot = self.snapshots.pop(0) if len(self.snapshots) > 1 else self.snapshots[0]
        if isinstance(snapshot, Exception):
            raise snapshot
        return snapshot

    def getloadavg(self) -> tuple[float, float, float]:
        """Return the load averages."""
        return self.load
