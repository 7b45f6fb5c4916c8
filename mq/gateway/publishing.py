"""Publishing for whoever asks: what waits together leaves together, and shares frames and syncs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Literal, NamedTuple

from mq.client.ack import Ack
from mq.client.producer import Producer
from mq.errors import MqError, NotStored, Refused
from mq.gateway.limits import Limits
from mq.gateway.lines import frames_of
from mq.gateway.workers import Asked, Pool

PUBLISHERS = 4
TURN_MAX = 256
FAULT_S = 10.0
GRACE_S = 1.0

Durability = Literal["written", "durable"]
Range = tuple[int, int]


class Publish(NamedTuple):
    """Records for a topic, and how safely they are to be kept."""

    topic: str
    records: Sequence[bytes]
    durability: Durability = "durable"


class PartlyStored(MqError):
    """Some of the records are stored, and of others it is known or not that they are not: `error` says."""

    def __init__(self, ranges: Sequence[Range], records: int, error: MqError) -> None:
        self.ranges, self.error = ranges, error
        stored = sum(last - first + 1 for first, last in ranges)
        super().__init__(f"{stored} of {records} records are stored, then: {error}")


class Publisher:
    """Sends, then waits for the answers, so what comes meanwhile is the next turn."""

    def __init__(self, publishing: Publishing) -> None:
        self._publishing = publishing

    def serve(self, questions: Sequence[Asked[Publish, list[Range]]]) -> None:
        """Answer each with the offsets that its records have: first and last, of as many ranges as there are."""
        sent = [(asked, self._send(asked)) for asked in questions]
        for asked, acks in sent:
            if acks:
                self._answer(asked, acks)

    def close(self) -> None:
        """Nothing is held here."""

    def _send(self, asked: Asked[Publish, list[Range]]) -> list[tuple[Ack, int]]:
        topic, records, durability = asked.job
        acks: list[tuple[Ack, int]] = []
        try:
            producer = self._publishing.producer(durability)
            if len(records) == 1:
                return [(producer.send(topic, records[0]), 1)]
            for frame in frames_of(records):
                acks.append((producer.send_many(topic, frame), len(frame)))  # noqa: PERF401 - a failure keeps what is sent
        except MqError as error:
            self._publishing.failed(error)
            asked.fail(error if not acks else PartlyStored(self._settled(acks)[0], len(records), error))
            return []
        return acks

    def _answer(self, asked: Asked[Publish, list[Range]], acks: Sequence[tuple[Ack, int]]) -> None:
        ranges, error = self._settled(acks)
        if error is None:
            asked.answer(ranges)
            return
        self._publishing.failed(error)
        asked.fail(PartlyStored(ranges, len(asked.job.records), error) if ranges else error)

    def _settled(self, acks: Sequence[tuple[Ack, int]]) -> tuple[list[Range], MqError | None]:
        """Return the ranges of offsets that are stored, and the first thing that went wrong."""
        ranges: list[Range] = []
        wrong: MqError | None = None
        deadline = time.monotonic() + self._publishing.deliver_s_max + GRACE_S
        for ack, count in acks:
            try:
                last = ack.result(max(0.0, deadline - time.monotonic())).offset
            except MqError as error:
                wrong = wrong or error
                continue
            first = last - count + 1
            if ranges and ranges[-1][1] + 1 == first:
                ranges[-1] = ranges[-1][0], last
            else:
                ranges.append((first, last))
        return ranges, wrong


class Publishing:
    """All publishers, on two producers, one for each durability."""

    def __init__(self, broker: str, limits: Limits) -> None:
        self.deliver_s_max = limits.answer_s_max
        self._fault, self._fault_at = "", 0.0
        self._producers = {
            level: Producer(broker, level, block_s_max=self.deliver_s_max, deliver_s_max=self.deliver_s_max)
            for level in ("durable", "written")
        }
        publishers = [Publisher(self) for _ in range(PUBLISHERS)]
        self._pool: Pool[Publish, list[Range]] = Pool(
            "publishing", publishers, waiting_max=limits.requests_waiting_max, turn_max=TURN_MAX
        )

    async def publish(self, job: Publish) -> list[Range]:
        """Return the ranges of offsets, once all is stored. Raises what the producer raises, and `PartlyStored`."""
        return await self._pool.ask(job)

    @property
    def fault(self) -> str:
        """What the broker, or its disk, had against records lately; empty when nothing."""
        return self._fault if time.monotonic() - self._fault_at < FAULT_S else ""

    def producer(self, durability: Durability) -> Producer:
        """Return the producer whose acknowledgements mean that."""
        return self._producers[durability]

    def failed(self, error: MqError) -> None:
        """Note a failure that is not the fault of who sent the record."""
        lasting = isinstance(error, Refused) and error.reason in ("disk_full", "read_only", "journal_failed")
        if lasting or isinstance(error, NotStored):
            self._fault, self._fault_at = str(error), time.monotonic()

    def close(self) -> None:
        """Answer what waits, then let go. What is unknown was answered as such."""
        self._pool.close()
        for producer in self._producers.values():
            with suppress(MqError):
                producer.close(0)
