"""Frames pushed through the broker, beside a loop that does nothing but pass them on."""

from __future__ import annotations

import sys
from collections.abc import Callable

from bench.harness import Stage
from bench.table import Row, rates, times

ROUNDS = 3
FRAMES = 300_000
TOPICS = 1_000
PACE_RATE, PACE_FRAMES = 2_000, 10_000


def push() -> list[Row]:
    """One record a frame, PUSH, journaled and forwarded, one subscriber; and over a thousand topics."""
    raw, one, many = [], [], []
    for _ in range(ROUNDS):
        raw.append(_pushed(Stage.raw, 1))
        one.append(_pushed(Stage.broker, 1))
        many.append(_pushed(Stage.broker, TOPICS))
    return [
        rates("PUSH, a record a frame", one, "raw PULL→XPUB loop", raw, 0.5, "frames/s"),
        rates("the same over 1,000 topics", many, "the same on one topic", one, 0.5, "frames/s"),
    ]


def latency() -> list[Row]:
    """From a producer's send to a subscriber's receive, at a steady rate."""
    raw, ours = [], []
    for _ in range(ROUNDS):
        raw.append(_paced(Stage.raw))
        ours.append(_paced(Stage.broker))
    targets = {"p50": 1.5, "p99": None}
    return [
        times(
            f"live latency at 2,000/s, {name}",
            [run[name] for run in ours],
            "raw loop",
            [run[name] for run in raw],
            most,
        )
        for name, most in targets.items()
    ]


def _pushed(start: Callable[[Stage], dict[str, str]], topics: int) -> float:
    """Return frames a second through a broker or the raw loop, as a subscriber hears them."""
    with Stage() as stage:
        ends = start(stage)
        subscriber = stage.worker("subscribe", ends["live"], topics, FRAMES)
        subscriber.line()
        pusher = stage.worker("push", ends["ingest"], FRAMES, topics)
        pusher.line()
        subscriber.line()
        pusher.go()
        found = subscriber.result()
        if found["heard"] < FRAMES:
            print(f"  (the subscriber missed {FRAMES - found['heard']} of {FRAMES})", file=sys.stderr)
        return float(found["heard"] / found["seconds"])


def _paced(start: Callable[[Stage], dict[str, str]]) -> dict[str, float]:
    """Return p50 and p99 in microseconds."""
    with Stage() as stage:
        ends = start(stage)
        watch = stage.worker("stopwatch", ends["live"], PACE_FRAMES)
        watch.line(), watch.line()
        pacer = stage.worker("pace", ends["ingest"], PACE_RATE, PACE_FRAMES)
        pacer.line()
        pacer.go()
        taken = sorted(watch.result()["microseconds"])
        return {"p50": taken[len(taken) // 2], "p99": taken[len(taken) * 99 // 100]}
