"""Waiting for what a test expects, with a deadline: a condition is looked at, never slept for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

SECONDS_MAX = 20.0
PACE_S = 0.005

Found = TypeVar("Found")


def eventually(condition: Callable[[], Found], seconds: float = SECONDS_MAX) -> Found:
    """Return what `condition` returns, as soon as that is true of it; fail when it is not in time."""
    deadline = time.monotonic() + seconds
    pace = threading.Event()
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {condition}; it returned {found!r}"
        pace.wait(PACE_S)
    return found
