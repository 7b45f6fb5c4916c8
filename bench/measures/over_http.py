"""The gateway, asked by wrk and by one connection: beside the client, and beside its server with nothing behind it."""

from __future__ import annotations

import re
import statistics
import subprocess
from pathlib import Path

from bench.harness import Stage, Unmeasurable, Worker, endpoints
from bench.table import Row, rates, times

ROUNDS = 3
WRK = "/usr/bin/wrk"
ASKING = ("-t2", "-c32", "-d4s", "--timeout", "10s")
WRK_S_MAX = 60
LINES, REQUESTS = 10_000, 40
RECORDS, BATCH = 1_000_000, 500
NEWCOMERS = 100
BARE = "the same server with nothing behind it"
POSTING = """wrk.method = "POST"
wrk.body = '{"value": 21.5}'
wrk.headers["Content-Type"] = "application/json"
"""
TARGETS = {
    "consume": "/consume?topic=notes&consumer_id=wrk",
    "page": "/v1/topics/lines/records?limit=10",
    "post": "/v1/topics/single/records",
}


def http() -> list[Row]:
    """Lines in, requests of each kind, and what a new consumer waits for on a long topic."""
    rounds: dict[str, list[float]] = {name: [] for name in ("ndjson", "client", "bare", *TARGETS, "long", "short")}
    Path("posting.lua").write_text(POSTING)
    for _ in range(ROUNDS):
        with Stage() as stage:
            control = stage.broker()["control"]
            url, bare = stage.gateway(control), endpoints(stage.worker("bare"))["bare"]
            rounds["ndjson"].append(_rate(stage.worker("post", url, "lines", LINES, REQUESTS)))
            rounds["client"].append(_rate(stage.worker("send_lines", control, "sent", LINES, REQUESTS)))
            stage.worker("fill", control, RECORDS, BATCH).result()
            rounds["bare"].append(_asked(bare))
            for name, target in TARGETS.items():
                rounds[name].append(_asked(url + target, *(("-s", "posting.lua") if name == "post" else ())))
            for name, topic in (("long", "notes"), ("short", "warm")):
                found = stage.worker("meet", url, topic, NEWCOMERS).result()
                rounds[name].append(statistics.median(found["microseconds"]))
    return [
        rates("NDJSON, 10,000 lines a request, one connection", rounds["ndjson"], "mq.Producer", rounds["client"]),
        rates("POST of one record, 32 connections, durable", rounds["post"], BARE, rounds["bare"], unit="requests/s"),
        rates("/consume, 32 at once for one consumer", rounds["consume"], BARE, rounds["bare"], unit="requests/s"),
        rates("a page of 10 records, 32 connections", rounds["page"], BARE, rounds["bare"], unit="requests/s"),
        times("/consume, a new consumer, a million messages, p50", rounds["long"], "one message", rounds["short"]),
    ]


def _rate(worker: Worker) -> float:
    found = worker.result()
    return float(found["records"] / found["seconds"])


def _asked(url: str, *options: str) -> float:
    """Return requests a second, of which all were answered well."""
    done = subprocess.run([WRK, *ASKING, *options, url], capture_output=True, text=True, check=True, timeout=WRK_S_MAX)
    found = re.search(r"Requests/sec: *([\d.]+)", done.stdout)
    if found is None or "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise Unmeasurable(f"wrk was not answered well at {url}: {done.stdout}")
    return float(found[1])
