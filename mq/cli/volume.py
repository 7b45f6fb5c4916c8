"""Whether data outlives the container that it is in."""

from __future__ import annotations

import os
from collections.abc import Mapping

from mq.errors import BadSetting

VARIABLE = "MINIMQ_NEEDS_VOLUME"
OWN_MOUNTS = "/proc/self/mountinfo"
_PLACE = 4  # the fifth field of a line is where something is mounted


def refuse_without_volume(data: str, environ: Mapping[str, str], own_mounts: str = OWN_MOUNTS) -> None:
    """Raise `BadSetting` where the environment wants data on something mounted, as the image's does, and it is not.

    Whether it can be written to shows when it is opened.
    """
    if environ.get(VARIABLE, "") not in {"", "0", "false"} and not _is_mounted(os.path.realpath(data), own_mounts):
        place = os.path.abspath(data)
        why = (
            f"{place} is on no volume, so it would go when this container goes: mount one there "
            f"(docker run --volume minimq:{place} ...), or set {VARIABLE}=false"
        )
        raise BadSetting("--data", f"this container ({VARIABLE})", why)


def _is_mounted(path: str, own_mounts: str) -> bool:
    """Whether the path, or a directory above it other than "/", is where something is mounted."""
    with open(own_mounts, encoding="utf-8", errors="surrogateescape") as lines:
        places = {line.split(" ", _PLACE + 1)[_PLACE] for line in lines}
    while path != "/":
        if path in places:
            return True
        path = os.path.dirname(path)
    return False
