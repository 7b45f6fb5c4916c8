"""Who a producer is: a number for one life of it. Not 0, which means nobody."""

from __future__ import annotations

import os


def new_producer_id() -> int:
    """Return a random id, other than any that was given before."""
    return int.from_bytes(os.urandom(8), "little") | 1
