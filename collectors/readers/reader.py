"""What a reader is, and what a metric is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from collectors.sample import Reading

Psutil = Any
Reader = Callable[[], Reading]


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric that can be collected: how its reader is made, and how often it is read by default."""

    make: Callable[[Psutil], Reader]
    interval_s: float


def per_cent(number: float) -> float:
    """Return a percentage as one: 0 to 100, and 0 for what is no number."""
    return round(min(100.0, max(0.0, number)), 2)
