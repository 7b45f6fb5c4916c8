"""What the browser tests put into the journal, and read from it."""

from __future__ import annotations

import time
from typing import Any

import msgpack
from served import NODE

import mq

TOPIC = f"host/{NODE}/cpu"
SECOND_NS = 1_000_000_000


def sample(time_ns: int, value: Any) -> bytes:
    packed: bytes = msgpack.packb({"time": time_ns, "node": NODE, "metric": "cpu", "value": value, "unit": "%"})
    return packed


def publish(control: str, bodies: list[bytes]) -> None:
    """Put records into the journal, and come back when they are there."""
    with mq.Producer(control) as producer:
        for ack in [producer.send(TOPIC, body) for body in bodies]:
            ack.result(timeout=30)


def journal(control: str) -> list[list[float]]:
    """Return what a replay gives, as the plot holds it."""
    samples = [msgpack.unpackb(message.body) for message in mq.replay(control, TOPIC, start=0)]
    return [[each["time"] / 1e6, each["value"]] for each in samples]


def minutes_past(count: int) -> list[bytes]:
    """Return samples of the last `count` seconds."""
    now = time.time_ns()
    return [sample(now - (count - step) * SECOND_NS, float(step % 100)) for step in range(count)]
