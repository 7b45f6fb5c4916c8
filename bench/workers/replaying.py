"""Reading a long topic back."""

from __future__ import annotations

import time

from bench.workers.parts import NOTES, RECORD, report
from mq.client.producer import Producer
from mq.client.replay import replay

ANSWER_S_MAX = 60.0


def fill(control: str, records: str, batch: str) -> None:
    """Store so many records, in batches."""
    with Producer(control, durability="written") as producer:
        for _ in range(int(records) // int(batch)):
            ack = producer.send_many(NOTES, [RECORD] * int(batch))
        report(records=ack.result(ANSWER_S_MAX).offset + 1)


def messages(control: str) -> None:
    """Read all of it as messages."""
    started = time.monotonic()
    records = 0
    for message in replay(control, NOTES):
        records += len(message.body) == len(RECORD)
    report(records=records, seconds=time.monotonic() - started)


def batches(control: str) -> None:
    """Read all of it as batches."""
    started = time.monotonic()
    records = 0
    with replay(control, NOTES) as notes:
        for batch in notes.batches():
            records += len(batch.records)
    report(records=records, seconds=time.monotonic() - started)
