"""The CPU: how busy its cores are."""

from __future__ import annotations

from typing import Any

from collectors.readers.reader import Psutil, Reader, per_cent
from collectors.sample import Reading


def reader(psutil: Psutil) -> Reader:
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
        per_core = [_share(busy, whole) for busy, whole in spent]
        value = _share(sum(busy for busy, _ in spent), sum(whole for _, whole in spent))
        return Reading(value, "%", {"per_core": per_core, "load": list(psutil.getloadavg())})

    return read


def _busy_and_all(earlier: Any, later: Any) -> tuple[float, float]:
    """Return the busy and all the seconds of a core between two looks; a counter that went back counts as still.

    Time as a guest is in user already, and waiting for a disk is idle time: as in top(1).
    """
    passed = {name: max(0.0, getattr(later, name) - getattr(earlier, name)) for name in later._fields}
    whole = sum(passed.values()) - passed.get("guest", 0.0) - passed.get("guest_nice", 0.0)
    return whole - passed["idle"] - passed.get("iowait", 0.0), whole


def _share(part: float, whole: float) -> float:
    return per_cent(100.0 * part / whole) if whole > 0 else 0.0
