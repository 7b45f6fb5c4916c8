"""Memory: how much of it is in use."""

from __future__ import annotations

from collectors.readers.reader import Psutil, Reader, per_cent
from collectors.sample import Reading


def reader(psutil: Psutil) -> Reader:
    """Return a reader of memory, in per cent of all that programs could have."""

    def read() -> Reading:
        memory, swap = psutil.virtual_memory(), psutil.swap_memory()
        detail = {
            "total": memory.total,
            "used": memory.total - memory.available,  # psutil's own `used` is another figure before version 7
            "available": memory.available,
            "cached": memory.cached,
            "swap_total": swap.total,
            "swap_used": swap.used,
        }
        return Reading(per_cent(memory.percent), "%", detail)

    return read
