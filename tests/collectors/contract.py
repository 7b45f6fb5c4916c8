"""The fields that the payload contract names, read from where it is written."""

from __future__ import annotations

import re

from collectors import sample

_SECTIONS = re.split(r"\n\n(?=``\w+``, in )", sample.__doc__ or "")
_FIELDS = re.compile(r"^- ((?:``\w+``(?:, )?)+):", re.MULTILINE)


def documented(metric: str) -> set[str]:
    """Return the names of a metric's fields, those of every sample among them."""
    common, *sections = _SECTIONS
    (section,) = (each for each in sections if each.startswith(f"``{metric}``"))
    return {name for part in (common, section) for names in _FIELDS.findall(part) for name in re.findall(r"\w+", names)}
