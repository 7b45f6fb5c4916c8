"""A million records read back by a Python program, beside redis-py and nats-py."""

from __future__ import annotations

from bench.harness import Stage, Unmeasurable, Worker
from bench.table import Row, rates

ROUNDS = 3
RECORDS, BATCH = 1_000_000, 500
REDIS_PIPELINED, REDIS_COUNT = 1_000, 1_000
REDIS = f"redis-py, XREAD, {REDIS_COUNT:,} a round trip"
NATS = "nats-py, an ordered consumer"


def replay() -> list[Row]:
    """As messages, and as batches."""
    rounds: dict[str, list[float]] = {"messages": [], "batches": [], "xread": [], "consume": []}
    with Stage() as stage:
        control, redis, nats = stage.broker()["control"], stage.redis(), stage.nats()
        _all_of(stage.worker("fill", control, RECORDS, BATCH))
        _all_of(stage.worker("xadd", redis, RECORDS, REDIS_PIPELINED))
        _all_of(stage.worker("publish", nats, RECORDS))
        programs: dict[str, list[object]] = {
            "messages": [control],
            "batches": [control],
            "xread": [redis, REDIS_COUNT],
            "consume": [nats, RECORDS],
        }
        for _ in range(ROUNDS):
            for name, arguments in programs.items():
                found = _all_of(stage.worker(name, *arguments))
                rounds[name].append(RECORDS / found["seconds"])
    return [
        rates("replay of a million, as messages", rounds["messages"], REDIS, rounds["xread"], 4),
        rates("the same", rounds["messages"], NATS, rounds["consume"]),
        rates("replay of a million, as batches", rounds["batches"], REDIS, rounds["xread"], 20),
        rates("the same", rounds["batches"], NATS, rounds["consume"]),
    ]


def _all_of(worker: Worker) -> dict[str, float]:
    """Return what a worker found, if it had all the records."""
    found = worker.result()
    if found["records"] != RECORDS:
        raise Unmeasurable(f"{worker.process.args!r} had {found['records']} records, not {RECORDS}")
    return found
