"""What bounds a gateway: each number has a name and a default, and is a variable of the environment.

The variable is ``MINIMQ_GATEWAY_`` and the name in capitals.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from math import isfinite
from typing import Any

from mq.errors import BadSetting

PREFIX = "MINIMQ_GATEWAY_"


def _limit(default: float, least: float) -> Any:
    return field(default=default, metadata={"least": least})


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes are in bytes, times in seconds, as the names say. ``docs/gateway.md`` says what each bounds."""

    body_bytes_max: int = _limit(16 << 20, 1024)
    record_bytes_max: int = _limit(1 << 20, 1024)
    lines_max: int = _limit(500_000, 1)
    bodies_bytes_max: int = _limit(128 << 20, 1024)
    body_s_max: float = _limit(60.0, 0.1)
    header_bytes_max: int = _limit(64 << 10, 1024)
    header_s_max: float = _limit(10.0, 0.1)
    idle_s_max: float = _limit(30.0, 0.1)
    stalled_s_max: float = _limit(60.0, 0.1)
    connections_max: int = _limit(1_000, 1)
    requests_waiting_max: int = _limit(1_000, 1)
    answer_s_max: float = _limit(5.0, 0.5)
    page_bytes_max: int = _limit(1 << 20, 1024)
    read_ahead_bytes_max: int = _limit(16 << 20, 1024)
    consumers_max: int = _limit(1_000, 1)
    streams_max: int = _limit(64, 1)
    stream_topics_max: int = _limit(256, 1)
    nodes_max: int = _limit(10_000, 1)
    metrics_topics_max: int = _limit(1_000, 1)
    metrics_nodes_max: int = _limit(1_000, 1)
    metrics_node_age_s: float = _limit(60.0, 1.0)


def load(environ: Mapping[str, str]) -> Limits:
    """Read the limits that the environment names, or raise `BadSetting`."""
    chosen = {each.name: environ[variable] for each in fields(Limits) if (variable := _variable(each.name)) in environ}
    numbers: dict[str, Any] = {name: _number(name, text) for name, text in chosen.items()}
    return Limits(**numbers)


def _variable(name: str) -> str:
    return f"{PREFIX}{name.upper()}"


def _number(name: str, text: str) -> int | float:
    spec = next(each for each in fields(Limits) if each.name == name)
    kind: type[int] | type[float] = int if isinstance(spec.default, int) else float
    place = f"the environment ({_variable(name)})"
    try:
        number: int | float = kind(text)
    except ValueError:
        raise BadSetting(name, place, f"{text!r} is not a {'whole ' if kind is int else ''}number") from None
    if not isfinite(number) or number < spec.metadata["least"]:
        raise BadSetting(name, place, f"{text} is below the least that works, {spec.metadata['least']}, or no number")
    return number
