"""A broker that is started on what is there already, beside a program that only lists it and reads the marks."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import NamedTuple

import psutil

from bench.harness import LINE_S_MAX, Stage, Worker
from bench.table import Row

ROUNDS = 3
TOPICS, FRAMES, UNMARKED = 30_000, 10, 15
LARGE_TOPICS, SEGMENTS, SEGMENT_BYTES = 16, 100, 64 << 20
UNTIDIED = {"MINIMQ_SYNC_INTERVAL_S": "3600"}  # each round finds what the one before it found
SECONDS_MAX = 10
MIB = 1 << 20


class Opened(NamedTuple):
    """Seconds from the start of a process until it is ready, beside what only looking takes, and its memory then."""

    seconds: float
    beside: float
    memory: float


def opening() -> list[Row]:
    """30,000 topics, closed in order and killed; and 100 GB in large segments, which must not be read."""
    with TemporaryDirectory(dir=".") as data:
        empty = _opened(data)
    with _kept("keep", TOPICS, FRAMES, UNMARKED) as (data, keeper):
        closed = _opened(data)
        _leave_as_killed(keeper)
        killed = _opened(data)
    with _kept("keep_large", LARGE_TOPICS, SEGMENTS, SEGMENT_BYTES) as (data, keeper):
        _leave_as_killed(keeper)
        large = _opened(data)
    return [
        _seconds("started on 30,000 topics, closed in order", closed),
        _seconds(f"the same, killed, {UNMARKED} frames each past the mark", killed),
        Row("the same: resident memory", f"{killed.memory:.0f} MiB", "", "", "under 400 MB"),
        _seconds("started on 100 GB in 1,600 segments, killed", large),
        Row(
            "the same: resident memory",
            f"{large.memory:.0f} MiB",
            f"on an empty directory: {empty.memory:.0f} MiB",
            f"{large.memory / empty.memory:.2f}",
            "at most 1.1",
        ),
    ]


def _seconds(what: str, found: Opened) -> Row:
    beside = f"Python lists and stats them, reads the marks: {found.beside:.2f} s"
    return Row(what, f"{found.seconds:.2f} s", beside, f"{found.seconds / found.beside:.2f}", f"under {SECONDS_MAX} s")


@contextmanager
def _kept(program: str, *arguments: int) -> Iterator[tuple[str, Worker]]:
    """Give a directory that such a worker has filled, and the worker, which waits to be told to leave it killed."""
    with TemporaryDirectory(dir=".") as data, Stage() as stage:
        keeper = stage.worker(program, data, *arguments)
        keeper.line()
        yield data, keeper


def _leave_as_killed(keeper: Worker) -> None:
    keeper.go()
    keeper.process.wait(LINE_S_MAX)


def _opened(data: str) -> Opened:
    """Start a broker some times, and the yardstick in turn; return the medians."""
    ours, theirs = [], []
    for _ in range(ROUNDS):
        theirs.append(_look_at(data))
        ours.append(_open(data))
    seconds, memory = (statistics.median(column) for column in zip(*ours, strict=True))
    return Opened(seconds, statistics.median(theirs), memory)


def _look_at(data: str) -> float:
    """Return how many seconds only looking takes."""
    with Stage() as stage:
        started = time.monotonic()
        stage.worker("look", data).line()
        return time.monotonic() - started


def _open(data: str) -> tuple[float, float]:
    """Return seconds and MiB of a broker that has just got ready, and kill it, so that it leaves all as it was."""
    with Stage() as stage:
        started = time.monotonic()
        broker, _ = stage.broker_on(data, UNTIDIED)
        seconds = time.monotonic() - started
        memory = psutil.Process(broker.process.pid).memory_info().rss / MIB
        broker.process.kill()
        return seconds, memory
