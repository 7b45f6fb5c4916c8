"""The same in a stream of Redis, through redis-py, as its users would write it."""

from __future__ import annotations

import time
from typing import Any

from redis import Redis

from bench.workers.parts import NOTES, RECORD, report, report_each

FIELD = "record"


def xadd(socket: str, records: str, pipelined: str) -> None:
    """Add so many records to a stream, so many a round trip."""
    client: Any = Redis(unix_socket_path=socket)
    started = time.monotonic()
    for _ in range(int(records) // int(pipelined)):
        pipeline = client.pipeline(transaction=False)
        for _ in range(int(pipelined)):
            pipeline.xadd(NOTES, {FIELD: RECORD})
        pipeline.execute()
    seconds = time.monotonic() - started
    report(records=client.xlen(NOTES), seconds=seconds)


def xadd_each(socket: str, rounds: str) -> None:
    """Add a record and wait for the answer, again and again."""
    client: Any = Redis(unix_socket_path=socket)
    report_each(lambda: client.xadd(NOTES, {FIELD: RECORD}), int(rounds))


def xread(socket: str, count: str) -> None:
    """Read all of the stream, so many entries a round trip."""
    client: Any = Redis(unix_socket_path=socket)
    started = time.monotonic()
    records, last = 0, b"0"
    while found := client.xread({NOTES: last}, count=int(count)):
        ((_, entries),) = found.items() if isinstance(found, dict) else found
        records += len(entries)
        last = entries[-1][0]
    report(records=records, seconds=time.monotonic() - started)
