"""A million records read back by a Python program, beside redis-py."""

from __future__ import annotations

from bench.harness import Stage, Unmeasurable, Worker
from bench.table import Row, rates

ROUNDS = 3
RECORDS, BATCH = 1_000_000, 500
REDIS_PIPELINED, REDIS_COUNT = 1_000, 1_000


def replay() -> list[Row]:
    """As messages, and as batches."""
    rounds: dict[str, list[float]] = {"messages": [], "batches": [], "xread": []}
    with Stage() as stage:
        control, redis = stage.broker()["control"], stage.redis()
        _all_of(stage.worker("fill", control, RECORDS, BATCH))
        _all_of(stage.worker("xadd", redis, RECORDS, REDIS_PIPELINED))
        for _ in range(ROUNDS):
            for name, where in (("messages", [control]), ("batches", [control]), ("xread", [redis, REDIS_COUNT])):
                found = _all_of(stage.worker(name, *where))
                rounds[name].append(RECORDS / found["seconds"])
    beside = f"redis-py, XREAD, {REDIS_COUNT:,} a round trip"
    return [
        rates("replay of a million, as messages", rounds["messages"], beside, rounds["xread"], 4),
        rates("replay of a million, as batches", rounds["batches"], beside, rounds["xread"], 20),
    ]


def _all_of(worker: Worker) -> dict[str, float]:
    """Return what a worker found, if it had all the records."""
    found = worker.result()
    if found["records"] != RECORDS:
        raise Unmeasurable(f"{worker.process.args!r} had {found['records']} records, not {RECORDS}")
    return found
