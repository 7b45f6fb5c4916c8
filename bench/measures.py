"""What is measured: each returns rows for the table."""

from __future__ import annotations

import statistics
import sys
import time
import urllib.request
from collections.abc import Callable

import psutil

from bench.harness import Stage
from bench.table import Row

ROUNDS = 3
PUSH_FRAMES = 300_000
TOPICS = 1_000
PACE_RATE, PACE_FRAMES = 2_000, 10_000
WRITE_BATCH, WRITE_S = 500, 4.0
WATCH_S = 20.0
EXPORTER = "/usr/bin/prometheus-node-exporter"
MIB = 1 << 20


def yardstick() -> list[Row]:
    """Y: one process, no sockets: encode, checksum, write, sync each second."""
    rates = []
    for _ in range(ROUNDS):
        with Stage() as stage:
            found = stage.worker("write", WRITE_BATCH, WRITE_S).result()
            rates.append(found["records"] / found["seconds"])
    rate = statistics.median(rates)
    return [Row("Y: encode, checksum, write, sync each second; batches of 500", f"{rate:,.0f} records/s", "", "", "")]


def push() -> list[Row]:
    """One record a frame, PUSH, journaled and forwarded, one subscriber; and over a thousand topics."""
    raw, one, many = [], [], []
    for _ in range(ROUNDS):
        raw.append(_pushed(Stage.raw, 1))
        one.append(_pushed(Stage.broker, 1))
        many.append(_pushed(Stage.broker, TOPICS))
    return [
        _ratio_row("PUSH, a record a frame", one, "raw PULL→XPUB loop", raw, 0.5),
        _ratio_row("the same over 1,000 topics", many, "the same on one topic", one, 0.5),
    ]


def latency() -> list[Row]:
    """From a producer's send to a subscriber's receive, at a steady rate."""
    raw, ours = [], []
    for _ in range(ROUNDS):
        raw.append(_paced(Stage.raw))
        ours.append(_paced(Stage.broker))
    rows = []
    for name, place, target in (("p50", 0, 1.5), ("p99", 1, None)):
        mine, theirs = (statistics.median(run[place] for run in runs) for runs in (ours, raw))
        ratio = mine / theirs
        verdict = f"at most {target}" if target else "(no target)"
        rows.append(
            Row(
                f"live latency at 2,000/s, {name}",
                f"{mine:,.0f} µs",
                f"raw loop: {theirs:,.0f} µs",
                f"{ratio:.2f}",
                verdict,
            )
        )
    return rows


def footprint() -> list[Row]:
    """Hold a collector beside the node exporter, each giving one sample a second: memory, and CPU time."""
    with Stage() as stage:
        broker = stage.broker()
        collector = stage.program([sys.executable, "-m", "collectors", "cpu", "--broker", broker["control"]])
        exporter = stage.program([EXPORTER, "--web.listen-address=127.0.0.1:19100", "--no-collector.systemd"])
        processes = [psutil.Process(worker.process.pid) for worker in (collector, exporter)]
        _scrape_for(3.0)
        before = [sum(process.cpu_times()[:2]) for process in processes]
        _scrape_for(WATCH_S)
        spent = [sum(process.cpu_times()[:2]) - earlier for process, earlier in zip(processes, before, strict=True)]
        memory = [process.memory_info().rss / MIB for process in processes]
    return [
        Row(
            "a collector, resident memory",
            f"{memory[0]:.1f} MiB",
            f"node exporter: {memory[1]:.1f} MiB",
            f"{memory[0] / memory[1]:.2f}",
            "at most 1.35",
        ),
        Row(
            "a collector, CPU at a sample a second",
            f"{spent[0] / WATCH_S * 1000:.1f} ms/s",
            f"node exporter, scraped each second: {spent[1] / WATCH_S * 1000:.1f} ms/s",
            f"{spent[0] / spent[1]:.2f}" if spent[1] else "-",
            "at most 1",
        ),
    ]


def _pushed(start: Callable[[Stage], dict[str, str]], topics: int) -> float:
    """Return frames a second through a broker or the raw loop, as a subscriber hears them."""
    with Stage() as stage:
        ends = start(stage)
        subscriber = stage.worker("subscribe", ends["live"], topics, PUSH_FRAMES)
        subscriber.line()
        pusher = stage.worker("push", ends["ingest"], PUSH_FRAMES, topics)
        pusher.line()
        subscriber.line()
        pusher.go()
        found = subscriber.result()
        if found["heard"] < PUSH_FRAMES:
            print(f"  (the subscriber missed {PUSH_FRAMES - found['heard']} of {PUSH_FRAMES})", file=sys.stderr)
        return float(found["heard"] / found["seconds"])


def _paced(start: Callable[[Stage], dict[str, str]]) -> tuple[float, float]:
    """Return p50 and p99 in microseconds."""
    with Stage() as stage:
        ends = start(stage)
        watch = stage.worker("stopwatch", ends["live"], PACE_FRAMES)
        watch.line(), watch.line()
        pacer = stage.worker("pace", ends["ingest"], PACE_RATE, PACE_FRAMES)
        pacer.line()
        pacer.go()
        taken = sorted(watch.result()["microseconds"])
        return taken[len(taken) // 2], taken[len(taken) * 99 // 100]


def _scrape_for(seconds: float) -> None:
    """Ask the exporter each second, as a Prometheus with that resolution would."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(1.0)
        urllib.request.urlopen("http://127.0.0.1:19100/metrics", timeout=5).read()


def _ratio_row(what: str, ours: list[float], beside: str, theirs: list[float], target: float) -> Row:
    mine, yard = statistics.median(ours), statistics.median(theirs)
    ratio = statistics.median(one / other for one, other in zip(ours, theirs, strict=True))
    return Row(what, f"{mine:,.0f} frames/s", f"{beside}: {yard:,.0f} frames/s", f"{ratio:.2f}", f"at least {target}")
