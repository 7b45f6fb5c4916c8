"""Old messages, which are text, and samples, which are msgpack maps: each as the other.

A sample that came as text keeps that text, where its number would not be written the same: it comes back verbatim.
"""

from __future__ import annotations

import math
import re

import msgpack

from mq.gateway.bodies import json_of, text_of, unpacked

EXACT_MAX = 2**53
_NUMBER = re.compile(r"\s{0,16}([+-]?(?:\d{1,300}\.?\d{0,300}|\.\d{1,300})(?:[eE][+-]?\d{1,4})?)\s{0,16}", re.ASCII)


def sample_of(message: str, node: str, metric: str, time: int) -> bytes:
    """Return an old producer's message as a sample; as it is, where it is no number."""
    value = _number(message)
    if value is None:
        return message.encode("utf-8", "surrogatepass")
    unit = "B/s" if metric == "net" else "%"
    sample = {"time": time, "node": node, "metric": metric, "value": value, "unit": unit}
    text = {} if str(value) == message else {"text": message}
    packed: bytes = msgpack.packb(sample | text, use_bin_type=True)
    return packed


def message_of(body: bytes, *, sampled: bool) -> str:
    """Return what an old consumer reads: where `sampled` a number; else text verbatim, JSON of a map, or base64."""
    found = unpacked(body) if sampled else None
    if isinstance(found, dict) and type(value := found.get("value")) in (int, float):
        text = found.get("text")
        return text if isinstance(text, str) else str(value)
    if (text := text_of(body)) is not None:
        return text
    return json_of(body).text


def _number(message: str) -> int | float | None:
    """Return the number that a text is, None where it is none, or one that nobody could draw."""
    found = _NUMBER.fullmatch(message)
    if found is None:
        return None
    value = float(found[1])
    if not math.isfinite(value):
        return None
    return int(found[1]) if found[1].lstrip("+-").isdigit() and abs(value) < EXACT_MAX else value
