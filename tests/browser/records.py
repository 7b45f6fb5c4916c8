"""What the browser tests put into the journal, and read from it."""

from __future__ import annotations

import time
from typing import Any

import msgpack

import mq

NODE = "browser-test"
METRICS = ("cpu", "mem", "disk", "net")
SECOND_NS = 1_000_000_000

Points = list[list[float]]


def sample(time_ns: int, value: Any, **detail: Any) -> bytes:
    """Return a body, sound or not."""
    packed: bytes = msgpack.packb({"time": time_ns, "value": value, **detail})
    return packed


def publish(control: str, bodies: list[bytes], node: str = NODE, metric: str = "cpu") -> None:
    """Put records into the journal, and come back when they are there."""
    with mq.Producer(control) as producer:
        for ack in [producer.send(f"host/{node}/{metric}", body) for body in bodies]:
            ack.result(timeout=30)


def journal(control: str, node: str = NODE, metric: str = "cpu") -> Points:
    """Return what a replay gives, as the plot holds it."""
    samples = [msgpack.unpackb(message.body) for message in mq.replay(control, f"host/{node}/{metric}", start=0)]
    return [[each["time"] / 1e6, each["value"]] for each in samples]


def minutes_past(count: int) -> list[bytes]:
    """Return samples of the last `count` seconds."""
    now = time.time_ns()
    return [sample(now - (count - step) * SECOND_NS, float(step % 100)) for step in range(count)]
