"""Records that are acknowledged: beside the disk with nothing around it, beside Redis, and beside NATS JetStream."""

from __future__ import annotations

import statistics
import sys

from bench.harness import Stage, Worker
from bench.table import Row, rates, times

ROUNDS = 3
BATCH, WRITE_S = 500, 4.0
REDIS_RECORDS, REDIS_PIPELINED = 200_000, 1_000
NATS_RECORDS = 60_000
DURABLE_ROUNDS = 1_000
REDIS = "redis-py, XADD, 1,000 pipelined, AOF synced each second"
NATS = "nats-py, publish_async, 4,000 under way, synced each second"


def ingest() -> list[Row]:
    """Batches, acknowledged `written`, one live subscriber; beside Y, and what the others take at their best."""
    yard, ours, redis, nats = [], [], [], []
    for _ in range(ROUNDS):
        yard.append(_written())
        ours.append(_produced("produce", BATCH, WRITE_S))
        redis.append(_added())
        nats.append(_published())
    what = "acknowledged and heard, in batches of 500"
    return [
        rates(what, ours, "Y: encode, checksum, write, sync each second; no sockets", yard, 0.65),
        rates("the same", ours, REDIS, redis),
        rates("the same", ours, NATS, nats),
    ]


def send() -> list[Row]:
    """Do the same with each record sent by itself; beside Redis and JetStream."""
    ours, redis, nats = [], [], []
    for _ in range(ROUNDS):
        ours.append(_produced("produce_each", WRITE_S))
        redis.append(_added())
        nats.append(_published())
    return [
        rates("acknowledged and heard, sent one by one", ours, REDIS, redis, 5),
        rates("the same", ours, NATS, nats),
    ]


def durable() -> list[Row]:
    """One client that waits for each durable acknowledgement; beside what a sync takes, and what the others take."""
    disk, ours, redis, nats = [], [], [], []
    for _ in range(ROUNDS):
        with Stage() as stage:
            disk.append(_median(stage.worker("sync", DURABLE_ROUNDS)))
        with Stage() as stage:
            ours.append(_median(stage.worker("durable", stage.broker()["control"], DURABLE_ROUNDS)))
        with Stage() as stage:
            redis.append(_median(stage.worker("xadd_each", stage.redis("always"), DURABLE_ROUNDS)))
        with Stage() as stage:
            nats.append(_median(stage.worker("publish_each", stage.nats("always"), DURABLE_ROUNDS)))
    return [
        times("durable acknowledgement, one at a time, p50", ours, "write and fdatasync", disk, 2),
        times("the same", ours, "redis-py, XADD, AOF synced always", redis),
        times("the same", ours, "nats-py, publish, synced always", nats),
    ]


def _median(worker: Worker) -> float:
    """Return the median of what a worker measured, in microseconds."""
    return float(statistics.median(worker.result()["microseconds"]))


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


def _published() -> float:
    """Return records a second into a stream of JetStream."""
    with Stage() as stage:
        found = stage.worker("publish", stage.nats(), NATS_RECORDS).result()
        return float(found["records"] / found["seconds"])
