"""Records that are acknowledged: beside the disk with nothing around it, and beside Redis."""

from __future__ import annotations

import statistics
import sys

from bench.harness import Stage
from bench.table import Row, rates, times

ROUNDS = 3
BATCH, WRITE_S = 500, 4.0
REDIS_RECORDS, REDIS_PIPELINED = 200_000, 1_000
DURABLE_ROUNDS = 1_000


def ingest() -> list[Row]:
    """Batches, acknowledged `written`, one live subscriber; beside Y."""
    yard, ours = [], []
    for _ in range(ROUNDS):
        yard.append(_written())
        ours.append(_produced("produce", BATCH, WRITE_S))
    what = "acknowledged and heard, in batches of 500"
    return [rates(what, ours, "Y: encode, checksum, write, sync each second; no sockets", yard, 0.65)]


def send() -> list[Row]:
    """Do the same with each record sent by itself; beside Redis."""
    redis, ours = [], []
    for _ in range(ROUNDS):
        redis.append(_added())
        ours.append(_produced("produce_each", WRITE_S))
    what = "acknowledged and heard, sent one by one"
    return [rates(what, ours, "redis-py, XADD, 1,000 pipelined, AOF synced each second", redis, 5)]


def durable() -> list[Row]:
    """One client that waits for each durable acknowledgement; beside what a sync takes."""
    disk, ours = [], []
    for _ in range(ROUNDS):
        with Stage() as stage:
            disk.append(statistics.median(stage.worker("sync", DURABLE_ROUNDS).result()["microseconds"]))
        with Stage() as stage:
            client = stage.worker("durable", stage.broker()["control"], DURABLE_ROUNDS)
            ours.append(statistics.median(client.result()["microseconds"]))
    return [times("durable acknowledgement, one at a time, p50", ours, "write and fdatasync", disk, 2)]


def _written() -> float:
    """Return Y, in records a second."""
    with Stage() as stage:
        found = stage.worker("write", BATCH, WRITE_S).result()
        return float(found["records"] / found["seconds"])


def _produced(program: str, *arguments: object) -> float:
    """Return records a second that were acknowledged to a producer, and heard by a subscriber."""
    with Stage() as stage:
        ends = stage.broker()
        subscriber = stage.worker("hear", ends["live"])
        subscriber.line()
        producer = stage.worker(program, ends["control"], *arguments)
        producer.line()
        subscriber.line()
        producer.go()
        found, heard = producer.result(), subscriber.result()
        if heard["heard"] < found["stored"] or found["stored"] < found["given"]:
            counts = f"given {found['given']:,}, stored {found['stored']:,}, heard {heard['heard']:,}"
            print(f"  (some were not stored, or missed by the subscriber: {counts})", file=sys.stderr)
        return float(min(found["stored"], heard["heard"]) / (max(found["ended"], heard["last"]) - found["started"]))


def _added() -> float:
    """Return records a second into a stream of Redis."""
    with Stage() as stage:
        found = stage.worker("xadd", stage.redis(), REDIS_RECORDS, REDIS_PIPELINED).result()
        return float(found["records"] / found["seconds"])
