"""What a spool's disk did not take: it waits in memory only, and is written once there is room again.

A topic's records get to the disk in their order: as long as one is here, those behind it come here too.
"""

from __future__ import annotations

from collections.abc import Callable

from mq.client.batch import Batch


class Unwritten:
    """Batches by topic and place. `write` tries the disk with one, and returns whether it took it."""

    def __init__(self, write: Callable[[Batch], bool]) -> None:
        self._write = write
        self._batches: dict[str, dict[int, Batch]] = {}
        self.records = 0

    def add(self, batch: Batch) -> None:
        """Take one in behind the others of its topic."""
        if batch.kept is not None:
            self._batches.setdefault(batch.topic, {})[batch.kept.place] = batch
            self.records += batch.count

    def discard(self, topic: str, place: int) -> None:
        """Let one go, if it is here: it is settled."""
        batches = self._batches.get(topic, {})
        batch = batches.pop(place, None)
        if batch is not None:
            self.records -= batch.count
            if not batches:
                del self._batches[topic]

    def write(self, topic: str) -> bool:
        """Write those of a topic, oldest first, as far as the disk takes them; return whether it takes all."""
        for place, batch in list(self._batches.get(topic, {}).items()):
            if not self._write(batch):
                return False
            self.discard(topic, place)
        return True

    def write_all(self) -> None:
        """Write those of all topics, as far as the disk takes them."""
        for topic in list(self._batches):
            self.write(topic)
