"""Reading a control message, with each of its fields checked."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

import msgpack

from mq.errors import BadMessage
from mq.protocol import answers, consumers, requests
from mq.protocol.fields import CHECKS
from mq.protocol.message import Control

KINDS: dict[str, type[Control]] = {
    kind.OP: kind
    for room in (requests, consumers, answers)
    for kind in vars(room).values()
    if isinstance(kind, type) and issubclass(kind, Control) and kind is not Control
}


def decode(message: bytes) -> Control:
    """Read a control message and check each of its fields, or raise `BadMessage`."""
    try:
        found = msgpack.unpackb(message)
    except ValueError as error:
        raise BadMessage(f"not msgpack: {error}") from None
    if type(found) is not dict:
        raise BadMessage("not a msgpack map")
    if not isinstance(op := found.get("op"), str):
        raise BadMessage("'op' is not a string")
    if (kind := KINDS.get(op)) is None:
        raise BadMessage(f"no operation {op[:40]!r}")
    return kind(**{each.name: _field(found, kind.OP, each) for each in fields(kind)})


def _field(found: dict[str, Any], op: str, spec: Any) -> Any:
    if spec.name not in found:
        if spec.default is not MISSING:
            return spec.default
        raise BadMessage(f"{op} needs {spec.name!r}")
    it = found[spec.name]
    if not CHECKS[spec.type](it):
        raise BadMessage(f"{op}: {spec.name!r} is not {spec.type}")
    return it
