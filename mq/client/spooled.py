"""Gathering with a spool behind it: each `send` is a frame of its own, with its own time, and on the disk at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from mq.client.ack import Ack
from mq.client.batch import RECORD_BYTES, Batch, Outcome
from mq.client.gathering import AWAKE, Gathering, Patience
from mq.client.packing import Packing
from mq.client.spool import Spool
from mq.client.spool_feed import NEVER
from mq.errors import Closed, NotStored, TimedOut
from mq.frame import Content


class SpooledGathering(Gathering):
    """What memory has no room for waits on the disk only, and comes back when there is some."""

    def __init__(self, patience: Patience, packing: Packing, wake: Callable[[], None], spool: Spool) -> None:
        super().__init__(patience, packing, wake)
        self._spool = spool
        self._is_released = False

    def put(self, topic: str, body: bytes) -> Ack:
        """Hand over one record."""
        return self._keep(topic, self._packing.pack_large(topic, [body]))

    def put_many(self, topic: str, bodies: Sequence[bytes], produced: int | None = None) -> Ack:
        """Hand over records that are stored together or not at all; the answer is that of the last."""
        return self._keep(topic, self._packing.pack_large(topic, bodies), produced)

    def flush(self, timeout: float | None) -> None:
        """Wait until everything has its answer that was handed over before. Raises `TimedOut`."""
        self.refuse_other_processes()
        with self._lock:
            ends = self._spool.unsettled()
            self._changed.wait_for(lambda: self._spool.is_settled(ends) or self._is_released, timeout)
            if ends:
                raise TimedOut(f"flush: records for {len(ends)} topics", timeout or 0.0)

    # What the producer's thread calls.

    def may_send(self, batch: Batch, producer: int, sequence: int) -> bool:
        """Whether a batch may be sent now, under this id and number."""
        return self._spool.may_send(batch, producer, sequence)

    def take(self, now: float, *, connected: bool = True) -> tuple[list[Batch], float]:
        """Return the batches that are to leave, those from the disk in their turn, and until when there is no other."""
        looks_at = feeds_at = NEVER
        if not self.closed:
            looks_at = self._spool.look(now)
            with self._lock:  # a topic's records become full in their order, wherever they come from
                if connected:
                    fed, feeds_at = self._spool.feed(now, self._takes)
                    self._full += fed
        self.settle([])
        taken, until = super().take(now)
        return taken, min(until, looks_at, feeds_at)

    def spooled(self, topic: str) -> int:
        """Return how many records of a topic are on the disk only."""
        return self._spool.waiting(topic)

    def settle(self, outcomes: Sequence[tuple[Batch, Outcome]]) -> None:
        """Give answers, and the room back. What counts as settled has its answer: nobody sees one without the other."""
        with self._lock:
            self._answer(self._spool.settle(outcomes))

    def release(self) -> None:
        """Let another producer have the spool."""
        left = self._spool.close()
        self._is_released = True
        super().settle(left)

    def _keep(self, topic: str, content: Content, produced: int | None = None) -> Ack:
        self.refuse_other_processes()
        with self._lock:
            if self._why_closed is not None:
                raise Closed(self._why_closed)
            made = time.time_ns() if produced is None else produced
            batch = Batch(topic, 0, produced=made, due=0.0, give_up_at=NEVER)
            batch.count = content.records
            cost = content.size + content.records * RECORD_BYTES
            goes = self._spool.keep(batch, content, has_room=self._has_room(cost))
            if goes is None:
                self._wait_for_turn(topic, cost)
                self._spool.keep_in_memory(batch, content)
            if goes is not False:
                batch.content, batch.cost = content, cost
                self._room -= cost
                self._full.append(batch)
                if self._sleeps_until > AWAKE:
                    self._rouse()
            return Ack(self, batch, content.records - 1)

    # The lock is held in what follows.

    def _has_room(self, cost: int) -> bool:
        return cost <= self._room or self._waiting == 0

    def _takes(self, cost: int) -> bool:
        """Take room for what comes from the disk, if there is some."""
        if not self._has_room(cost):
            return False
        self._room -= cost
        return True

    def _wait_for_turn(self, topic: str, cost: int) -> None:
        """Wait for room in memory, as the disk has none, and until nothing of the topic is on the disk only."""

        def may_go_on() -> bool:
            return self.closed or (self._has_room(cost) and not self._spool.waits(topic))

        has_room = self._changed.wait_for(may_go_on, self._patience.block_s_max)
        if self._why_closed is not None:
            raise Closed(self._why_closed)
        if not has_room:
            why = "this was not taken, as the spool's disk takes nothing"
            raise NotStored(f"send: {self._waiting} bytes wait for the broker", self._patience.block_s_max, why)
