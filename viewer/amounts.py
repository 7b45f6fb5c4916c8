"""Numbers in words, short enough for a card or a line of a terminal. Pure, and brings nothing heavy in."""

from __future__ import annotations

from viewer.samples import SECOND_NS

KILO = 1024
UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def duration(ns: int) -> str:
    """Return a length of time, roughly."""
    seconds = round(ns / SECOND_NS)
    for unit, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * unit:
            return f"{round(seconds / unit)} {name}"
    return f"{seconds} s"


def amount(number: float, per: str = "") -> tuple[str, str]:
    """Return bytes as a short number and its unit, up to `BYTES_MAX`."""
    power = 0
    while number >= 999.5 and power < len(UNITS) - 1:  # noqa: PLR2004 - what would be shown with four digits
        number /= KILO
        power += 1
    digits = 1 if power and number < 99.95 else 0  # noqa: PLR2004 - the same, with a digit after the point
    return f"{number:.{digits}f}", UNITS[power] + per
