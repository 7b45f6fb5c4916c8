"""What goes wrong with a network and a broker, in an order and for as long as a seed says."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Literal, NamedTuple

from network import PLACES, Place

Kind = Literal["cut", "silence", "loss", "forget", "kill", "stop", "crash"]
HALF_OPEN_S = 9.0  # longer than heartbeats go unanswered, so the ends find out by themselves
SHORT_S, LONG_S = (0.3, 3.0), (HALF_OPEN_S, HALF_OPEN_S + 3)
SILENCE_S = 31.0  # so long that a kernel left alone waits another 12 s before it tries to connect again
LOSS_PERCENT = (2, 20)


class Fault(NamedTuple):
    """What happens, where, and for how long.

    A link is down (`cut`), or drops all (`silence`) or some (`loss`); a NAT forgets all connections (`forget`); the
    broker is killed (`kill`) or stopped (`stop`); the consumer is killed (`crash`).
    """

    kind: Kind
    seconds: float
    place: Place = "broker"
    percent: int = 0

    def __str__(self) -> str:
        how = f" of {self.percent} per cent" if self.percent else ""
        return f"{self.kind} at {self.place}{how} for {self.seconds:.1f} s"


def schedule(seed: int, seconds: float) -> Iterator[Fault]:
    """Yield faults of a random kind that take so long together: each kind once before any comes again."""
    chance = random.Random(seed)  # noqa: S311 - to be had again
    while True:
        for kind in chance.sample(KINDS, len(KINDS)):
            fault = _fault(kind, chance)
            seconds -= fault.seconds
            if seconds < 0:
                return
            yield fault


def _fault(kind: Kind, chance: random.Random) -> Fault:
    place = chance.choice(PLACES)
    if kind in {"cut", "silence"}:
        return Fault(kind, chance.uniform(*chance.choice((SHORT_S, LONG_S))), place)
    if kind == "loss":
        return Fault(kind, chance.uniform(*SHORT_S) + 2, place, chance.randint(*LOSS_PERCENT))
    return Fault(kind, chance.uniform(*SHORT_S))


KINDS: tuple[Kind, ...] = ("cut", "silence", "loss", "forget", "kill", "stop", "crash")
FAST = (
    Fault("loss", 3.0, "producers", 10),
    Fault("crash", 0.2),
    Fault("cut", HALF_OPEN_S, "broker"),
    Fault("kill", 0.5),
    Fault("stop", 1.0),
    Fault("forget", 0.0),
)
