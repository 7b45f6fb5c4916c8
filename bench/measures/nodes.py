"""Many nodes at once, at the rate of their collectors: what the broker needs for them, and whether all is kept."""

from __future__ import annotations

import sys
import time
from typing import Any, NamedTuple

import psutil

from bench.harness import Stage, Unmeasurable, Worker, found_in
from bench.table import Row
from mq.client.link import Link, heads_of
from mq.protocol import HeadList, Heads, Stats, StatsReport

NODES = 10_000
WATCH_S = 30
STANDSTILL_S_MAX = 10.0
LOOK_EVERY_S = 0.02
MIB = 1 << 20
WHAT = "10,000 nodes, 30,000 topics, 14,000 frames/s"


class Seen(NamedTuple):
    """What was seen of a broker; `new_s` is how long it took to make all topics, `gap_s` the longest between syncs."""

    new_s: float
    cores: float
    rate: float
    gap_s: float
    memory: float
    pushed: int
    stored: int


def nodes() -> list[Row]:
    """10,000 nodes, each its cpu every second, its mem and disk every fifth; one subscriber that hears all."""
    with Stage() as stage:
        broker, ends = stage.broker_process()
        subscriber = stage.worker("hear", ends["live"])
        subscriber.line()
        pusher = stage.worker("simulate", ends["ingest"], NODES, WATCH_S)
        pusher.line(), subscriber.line()
        with Link(ends["control"]) as link:
            seen = _see(pusher, psutil.Process(broker.process.pid), link)
            refused = _stats(link)["refused"]
        pusher.line()
        pusher.go()
        heard = subscriber.result()["heard"]
    if refused or heard < seen.pushed:
        print(f"  (pushed {seen.pushed:,}, heard {heard:,}, refused {refused or 'none'})", file=sys.stderr)
    return _rows(seen)


def _rows(seen: Seen) -> list[Row]:
    cores, gap = seen.cores, seen.gap_s
    return [
        Row(f"{WHAT}: CPU", f"{cores:.2f} cores at {seen.rate:,.0f} frames/s", "one core", f"{cores:.2f}", "at most 1"),
        Row("the same: frames not stored", f"{seen.pushed - seen.stored:,} of {seen.pushed:,}", "", "", "none"),
        Row("the same: longest between two syncs", f"{gap:.2f} s", "one second", f"{gap:.2f}", "at most 1"),
        Row("the same: resident memory", f"{seen.memory:.0f} MiB", "", "", "under 400 MB"),
        Row("the same: until all topics are made", f"{seen.new_s:.1f} s", "", "", "(no target)"),
    ]


def _see(pusher: Worker, process: psutil.Process, link: Link) -> Seen:
    """Let all topics be made, then watch the broker at the pace of the nodes."""
    started = time.monotonic()
    pusher.go()
    first = pusher.result()["pushed"]
    if _stored(link, first) < first:
        raise Unmeasurable("the first frames of all topics were not all stored")
    new_s = time.monotonic() - started
    pusher.line()
    pusher.go()
    cores, rate, gap, last = _watch(pusher, process, link)
    memory = process.memory_info().rss / MIB
    return Seen(new_s, cores, rate, gap, memory, first + last, _stored(link, first + last))


def _watch(pusher: Worker, process: psutil.Process, link: Link) -> tuple[float, float, float, int]:
    """Watch the broker until the pusher is done; return cores, frames a second, the longest between syncs, frames.

    The journal is synced on the thread that appends, so what is appended waits at most from one sync to the next.
    """
    started = changed = time.monotonic()
    spent, syncs, gap = _cpu_s(process), _stats(link)["syncs"], 0.0
    while (said := pusher.line_within(LOOK_EVERY_S)) is None:
        seen, now = _stats(link)["syncs"], time.monotonic()
        gap = max(gap, now - changed)
        if seen != syncs:
            syncs, changed = seen, now
    seconds, pushed = time.monotonic() - started, found_in(said)["pushed"]
    return (_cpu_s(process) - spent) / seconds, pushed / seconds, gap, pushed


def _cpu_s(process: psutil.Process) -> float:
    return float(sum(process.cpu_times()[:2]))


def _stats(link: Link) -> dict[str, Any]:
    return link.ask(Stats(link.number()), StatsReport).stats


def _stored(link: Link, pushed: int) -> int:
    """Return how many frames of nodes the journal holds, once it has all that were pushed, or gets no more."""
    held, moved = _held(link), time.monotonic()
    while held < pushed and time.monotonic() - moved < STANDSTILL_S_MAX:
        time.sleep(LOOK_EVERY_S)
        before, held = held, _held(link)
        moved = time.monotonic() if held != before else moved
    return held


def _held(link: Link) -> int:
    """Return the ends of all topics of nodes, added up."""
    held, after = 0, None
    while True:
        page = link.ask(Heads(link.number(), ["host/#"], 0, after), HeadList)
        held += sum(end for _, end, _ in heads_of(page))
        after = page.after
        if after is None:
            return held
