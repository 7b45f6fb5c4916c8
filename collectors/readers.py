"""Readers of a host: each takes `psutil`, and gives a `Reading` each time it is called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from collectors.sample import Reading

Psutil = Any
Reader = Callable[[], Reading]


def cpu(psutil: Psutil) -> Reader:
    """Return a reader of the CPU: busy time since the reading before, in per cent.

    The first reading compares with the moment of this call, so it is a real one after a short while. When a core comes
    or goes there is nothing to compare with: that reading is an error, the next one is real again.
    """
    before = psutil.cpu_times(percpu=True)

    def read() -> Reading:
        nonlocal before
        earlier, before = before, psutil.cpu_times(percpu=True)
        if len(earlier) != len(before):
            raise OSError(f"the number of cores went from {len(earlier)} to {len(before)}")
        spent = [_busy_and_all(*pair) for pair in zip(earlier, before, strict=True)]
        per_core = [_per_cent(busy, whole) for busy, whole in spent]
        value = _per_cent(sum(busy for busy, _ in spent), sum(whole for _, whole in spent))
        return Reading(value, "%", {"per_core": per_core, "load": list(psutil.getloadavg())})

    return read


def _busy_and_all(earlier: Any, later: Any) -> tuple[float, float]:
    """Return the busy and all the seconds of a core between two looks; a counter that went back counts as still.

    Time as a guest is in user already, and waiting for a disk is idle time: as in top(1).
    """
    passed = {name: max(0.0, getattr(later, name) - getattr(earlier, name)) for name in later._fields}
    whole = sum(passed.values()) - passed.get("guest", 0.0) - passed.get("guest_nice", 0.0)
    return whole - passed["idle"] - passed.get("iowait", 0.0), whole


def _per_cent(part: float, whole: float) -> float:
    return round(min(100.0, max(0.0, 100.0 * part / whole)), 2) if whole > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric that can be collected: how it is read, and how often by default."""

    make: Callable[[Psutil], Reader]
    interval_s: float


METRICS = {"cpu": Metric(cpu, 1.0)}
