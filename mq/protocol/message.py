"""What all control messages have in common."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar

import msgpack

_FIRST_OF_MAPS = b"\x80"


def is_request(message: bytes) -> bool:
    """Whether this is a msgpack map (by its first byte), and not a frame."""
    return message[:1] >= _FIRST_OF_MAPS


@dataclass(frozen=True, slots=True)
class Control:
    """What all control messages have: the number that the asker gave, repeated in each answer."""

    OP: ClassVar[str]
    id: int

    def encode(self) -> bytes:
        """Return the bytes that travel."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        packed: bytes = msgpack.packb({"op": self.OP, **values}, use_bin_type=True)
        return packed
