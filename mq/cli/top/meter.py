"""How fast a broker's counters grow, between two of its answers. Decides, and reads no clock."""

from __future__ import annotations

from collections.abc import Mapping


class Meter:
    """Compares each answer with the one before it. `rates` is empty until there are two of one life of the broker."""

    def __init__(self) -> None:
        self.rates: dict[str, float] = {}
        self._counted: Mapping[str, int] = {}
        self._life = self._moment = -1.0

    def take(self, counted: Mapping[str, int], life: int, moment: float) -> None:
        """Take an answer of this life. One that comes with no time between is no measure, and changes nothing."""
        if life != self._life:
            self.rates = {}
        elif moment <= self._moment:
            return
        else:
            self.rates = {
                name: (now - self._counted[name]) / (moment - self._moment)
                for name, now in counted.items()
                if now >= self._counted.get(name, now + 1)
            }
        self._counted, self._life, self._moment = dict(counted), life, moment
