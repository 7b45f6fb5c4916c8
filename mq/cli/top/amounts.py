"""Numbers as they stand in a narrow column, each with a word for what is not known."""

from __future__ import annotations

from viewer.amounts import amount
from viewer.samples import SECOND_NS

UNKNOWN = "-"
FRACTION_BELOW = 100
PLAIN_BELOW = 1_000_000
STEPS = ((10**12, "T"), (10**9, "G"), (10**6, "M"))
TIMES = ((86_400, "d"), (3_600, "h"), (60, "min"))


def count(number: float) -> str:
    """Return how many: in full up to six digits, then in short."""
    if number < PLAIN_BELOW:
        return f"{number:,.0f}"
    for step, letter in STEPS:
        if number >= step:
            return f"{number / step:,.2f} {letter}"
    return UNKNOWN


def rate(number: float | None) -> str:
    """Return how many a second: with a digit behind the point where there are few."""
    if number is None:
        return UNKNOWN
    return f"{number:.1f}" if number < FRACTION_BELOW else count(number)


def size(number: float | None, per: str = "") -> str:
    """Return so many bytes."""
    return UNKNOWN if number is None else " ".join(amount(number, per))


def lasting(seconds: float | None) -> str:
    """Return a length of time, of two units where it is long."""
    if seconds is None:
        return UNKNOWN
    if seconds < TIMES[-1][0]:
        return f"{seconds:.1f} s"
    for place, (unit, name) in enumerate(TIMES):
        if seconds >= unit:
            rest = int(seconds % unit // TIMES[place + 1][0]) if place + 1 < len(TIMES) else 0
            return f"{int(seconds // unit)} {name}" + (f" {rest} {TIMES[place + 1][1]}" if rest else "")
    return UNKNOWN


def lasting_ns(ns: int) -> str:
    """Return the same, of ns."""
    return lasting(ns / SECOND_NS)
