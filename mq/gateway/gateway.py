"""All that a gateway has: what it asks the broker by, and what bounds it. Routes are given one of these."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from mq.client.link import Link
from mq.gateway.consuming import Consuming
from mq.gateway.intake import Intake
from mq.gateway.limits import Limits
from mq.gateway.nodes import Nodes
from mq.gateway.origins import Origins
from mq.gateway.presence import Presence
from mq.gateway.publishing import Publishing
from mq.gateway.reading import Reading
from mq.gateway.streams import Streams

Found = TypeVar("Found")


class Gateway:
    """Its threads begin when it is made. Raises `BadEndpoint`."""

    def __init__(self, broker: str, limits: Limits, origins: Sequence[str] = ()) -> None:
        self.broker, self.limits = broker, limits
        self.origins = Origins(origins)
        self.presence = Presence(broker)
        self.publishing = Publishing(broker, limits)
        self.consuming = Consuming(broker, limits)
        self.reading = Reading(broker, limits)
        self.streams = Streams(broker, limits)
        self.intake = Intake(limits)
        self.nodes = Nodes(limits.nodes_max)

    async def look(self, look: Callable[[Link], Found]) -> Found:
        """Look something up in the journal. Raises what the broker refuses, at once where it is away."""
        self.presence.refuse_if_away()
        return await self.reading.ask(look)

    def faults(self) -> dict[str, str]:
        """Return what is wrong, by what it is wrong with; nothing when all is well."""
        found = {"broker": self.presence.fault, "publishing": self.publishing.fault}
        return {name: fault for name, fault in found.items() if fault}

    def close(self) -> None:
        """Answer what waits, then let go of everything."""
        self.streams.close()
        for part in (self.publishing, self.consuming, self.reading, self.presence):
            part.close()
