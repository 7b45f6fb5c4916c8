"""What callers hand over to a producer, until its thread takes it; and where they wait for room and for answers.

A batch leaves when it is full, when it has lingered long enough, or when somebody waits for it. The thread says until
when it sleeps, and is woken only for what is due before that: so handing over a record costs a lock and little else.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from os import getpid
from threading import Condition, Lock

from mq.client.ack import Ack
from mq.client.batch import BATCH_RECORDS_MAX, MARK_BYTES, RECORD_BYTES, Batch, Outcome
from mq.client.packing import Packing
from mq.errors import Closed, MqError, NotStored, SpoolDropped, StillSpooled, TimedOut, with_word
from mq.frame import refuse_other_than_bytes
from mq.topic import encode_topic

AWAKE = float("-inf")
GIVEN_UP_MAX = 1_000
_LAST = BATCH_RECORDS_MAX - 1
_COST = RECORD_BYTES - MARK_BYTES


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a batch waits for more records, a caller for room, and a record for its answer; and how much waits.

    Raises `ValueError` for what is below 0, or no number.
    """

    linger_s: float
    block_s_max: float
    deliver_s_max: float
    buffer_bytes_max: int

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if not value >= 0:
                raise ValueError(f"{name} is at least 0, not {value!r}")


class Gathering:
    """Used by any number of threads; `wake` is called under its lock."""

    def __init__(self, patience: Patience, packing: Packing, wake: Callable[[], None]) -> None:
        self._patience = patience
        self._process = getpid()
        self._packing = packing
        self._wake = wake
        self._lock = Lock()
        self._changed = Condition(self._lock)
        self._open: dict[str, Batch] = {}  # by topic; in the order in which they are due
        self._full: list[Batch] = []
        self._room = patience.buffer_bytes_max
        self._given_up: deque[Batch] = deque(maxlen=GIVEN_UP_MAX)
        self._sleeps_until = AWAKE
        self._why_closed: str | None = None
        self.last_word = ""  # why the broker takes nothing, as long as that is so

    def put(self, topic: str, body: bytes) -> Ack:
        """Hand over one record."""
        self.refuse_other_processes()
        if type(body) is not bytes:
            refuse_other_than_bytes([body])
        size = len(body) + MARK_BYTES
        if size > self._packing.room:
            return self.put_many(topic, [body])
        with self._lock:
            batch = self._open.get(topic)
            if batch is None or size > batch.room or size + _COST > self._room:
                batch = self._batch_for(topic, 1, size)
            batch.room -= size
            self._room -= size + _COST
            records = batch.records
            place = len(records)
            records.append(body)
            if place == _LAST:
                self._close(batch)
            return Ack(self, batch, place)

    def put_many(self, topic: str, bodies: Sequence[bytes], produced: int | None = None) -> Ack:
        """Hand over records that are stored together or not at all; the answer is that of the last."""
        self.refuse_other_processes()
        if not bodies:
            raise ValueError("a frame holds at least one record")
        refuse_other_than_bytes(bodies)
        count = len(bodies)
        size = sum(map(len, bodies)) + count * MARK_BYTES
        large = self._packing.pack_large(topic, bodies) if size > self._packing.room else None
        with self._lock:
            batch = self._batch_for(topic, count, size, alone=large is not None or produced is not None)
            batch.room -= size
            self._room -= size + count * _COST
            batch.records += bodies
            batch.whole = True
            batch.content = large
            batch.produced = batch.produced if produced is None else produced
            place = len(batch.records) - 1
            if large is not None or produced is not None or place >= _LAST:
                self._close(batch)
            if large is not None:
                batch.records = []
            return Ack(self, batch, place)

    def wait(self, batch: Batch, place: int, timeout: float | None) -> None:
        """Wait for an answer. A batch that is still open leaves now."""
        self.refuse_other_processes()
        with self._lock:
            if self._open.get(batch.topic) is batch:
                self._close(batch)
            self._changed.wait_for(lambda: batch.outcome_at(place) is not None, timeout)

    def flush(self, timeout: float | None) -> None:
        """Wait until everything has its answer, good or bad. Raises `TimedOut`."""
        self.refuse_other_processes()
        with self._lock:
            self._close_all()
            if not self._changed.wait_for(lambda: self._waiting == 0, timeout):
                raise TimedOut(f"flush: {self._waiting} bytes of records", timeout or 0.0)

    @property
    def is_forked(self) -> bool:
        """Whether this is another process than the producer was made in: its thread is not here."""
        return getpid() != self._process

    def refuse_other_processes(self) -> None:
        """Raise `Closed` in a process that was forked after the producer was made."""
        if getpid() != self._process:
            raise Closed(f"this producer was made in process {self._process}: make one here, after the fork")

    def close(self, why: str) -> None:
        """Take nothing more."""
        with self._lock:
            if self._why_closed is None:
                self._why_closed = why
                self._close_all()
                self._rouse()

    def given_up(self) -> MqError | None:
        """Return the error of a batch that was given up, and whose acks nobody has asked, if there is one; once."""
        with self._lock:
            errors = [it.outcome for it in self._given_up if isinstance(it.outcome, MqError) and not it.asked]
            self._given_up.clear()
        if len(errors) > 1:
            errors[0].add_note(f"the first of {len(errors):,} frames that were given up")
        return errors[0] if errors else None

    def release(self) -> None:
        """Let go of what is behind this: nothing, where there is no spool."""

    # What the producer's thread calls.

    @property
    def closed(self) -> bool:
        """Whether nothing more will come."""
        return self._why_closed is not None

    def may_send(self, batch: Batch, producer: int, sequence: int) -> bool:  # noqa: ARG002 - a spool asks for them
        """Whether a batch may be sent now, under this id and number."""
        return True

    def take(self, now: float, *, connected: bool = True) -> tuple[list[Batch], float]:  # noqa: ARG002
        """Return the batches that are to leave, and until when there will be no other, unless the thread is woken."""
        with self._lock:
            self._sleeps_until = AWAKE
            for batch in list(takewhile(lambda batch: batch.due <= now, self._open.values())):
                self._close(batch)
            taken, self._full = self._full, []
            first = next(iter(self._open.values()), None)
            self._sleeps_until = float("inf") if first is None else first.due
            return taken, self._sleeps_until

    def spooled(self, topic: str) -> int:  # noqa: ARG002 - nothing is
        """Return how many records of a topic are on the disk only."""
        return 0

    def settle(self, outcomes: Sequence[tuple[Batch, Outcome]]) -> None:
        """Give answers, and the room back."""
        with self._lock:
            self._answer(outcomes)

    # The lock is held in what follows.

    def _answer(self, outcomes: Sequence[tuple[Batch, Outcome]]) -> None:
        for batch, outcome in outcomes:
            batch.outcome = outcome
            batch.records = []
            batch.content = None
            self._room += batch.cost
            if isinstance(outcome, MqError) and not isinstance(outcome, SpoolDropped | StillSpooled):
                self._given_up.append(batch)  # what a spool drops or keeps, the spool tells
        self._changed.notify_all()

    @property
    def _waiting(self) -> int:
        return self._patience.buffer_bytes_max - self._room

    def _batch_for(self, topic: str, count: int, size: int, *, alone: bool = False) -> Batch:
        """Return the open batch that takes so much more, made if need be. Waits for room in the buffer."""
        encode_topic(topic)
        self._wait_for_room(size + count * _COST)
        batch = self._open.get(topic)
        if batch is not None and (alone or size > batch.room or len(batch.records) + count > BATCH_RECORDS_MAX):
            self._close(batch)
            batch = None
        return self._begin(topic) if batch is None else batch

    def _wait_for_room(self, cost: int) -> None:
        """Wait until there is room for so much; what is larger than the whole buffer waits until it is empty."""

        def may_go_on() -> bool:
            return self.closed or cost <= self._room or self._waiting == 0

        has_room = self._changed.wait_for(may_go_on, self._patience.block_s_max)
        if self._why_closed is not None:
            raise Closed(self._why_closed)
        if not has_room:
            why = with_word("this was not taken", self.last_word)
            raise NotStored(f"send: {self._waiting} bytes wait for the broker", self._patience.block_s_max, why)

    def _begin(self, topic: str) -> Batch:
        now = time.monotonic()
        batch = Batch(
            topic,
            self._packing.room,
            produced=time.time_ns(),
            due=now + self._patience.linger_s,
            give_up_at=now + self._patience.deliver_s_max,
        )
        self._open[topic] = batch
        if batch.due < self._sleeps_until:
            self._rouse()
        return batch

    def _close(self, batch: Batch) -> None:
        del self._open[batch.topic]
        batch.close()
        self._full.append(batch)
        if self._sleeps_until > AWAKE:
            self._rouse()

    def _close_all(self) -> None:
        for batch in list(self._open.values()):
            self._close(batch)

    def _rouse(self) -> None:
        self._sleeps_until = AWAKE
        self._wake()
