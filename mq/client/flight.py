"""The frames of one topic that are under way: sent on this connection, and not answered yet."""

from __future__ import annotations

from dataclasses import dataclass

from mq.client.parcel import Parcel

LANE_FRAMES_MAX = 1_000
LANE_BYTES_MAX = 1 << 20


@dataclass(slots=True)
class Window:
    """What one topic may have under way, and how many frames all have together.

    The bounds are half of what the broker remembers of a topic: it knows each frame that is sent again.
    """

    frames_max: int = LANE_FRAMES_MAX
    bytes_max: int = LANE_BYTES_MAX
    under_way: int = 0


class Flight:
    """Parcels by their sequence, in the order in which they were sent."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._parcels: dict[int, Parcel] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._parcels)

    @property
    def first(self) -> Parcel | None:
        """The one that has waited longest."""
        return next(iter(self._parcels.values()), None)

    def takes(self, size: int) -> bool:
        """Whether one more frame of so many bytes may go. One always may."""
        window = self._window
        room = len(self._parcels) < window.frames_max and self._bytes + size <= window.bytes_max
        return room or not self._parcels

    def start(self, parcel: Parcel) -> None:
        """Note that it was sent."""
        self._parcels[parcel.number] = parcel
        self._bytes += parcel.size
        self._window.under_way += 1

    def land(self, sequence: int) -> Parcel | None:
        """Return the one that an answer is for. It is no longer under way."""
        parcel = self._parcels.pop(sequence, None)
        if parcel is not None:
            self._bytes -= parcel.size
            self._window.under_way -= 1
        return parcel

    def abort(self) -> list[Parcel]:
        """Return all: no answer will come."""
        parcels = list(self._parcels.values())
        self._window.under_way -= len(parcels)
        self._parcels.clear()
        self._bytes = 0
        return parcels
