"""A subscriber as a process of its own: says when it listens, then prints each topic's count and whether all came once.

Arguments: control endpoint, name, how many records. Standard output: ``listening``, and in the end ``whole REPAIRED``.
"""

from __future__ import annotations

import sys

import mq


def main(control: str, name: str, count: int) -> None:
    """Read so many records of one topic, in order from 0."""
    with mq.Subscriber(control, "load/#", 0, name=name, receive_hwm=10) as subscriber:
        while not subscriber.connected:
            subscriber.receive(0.01)
        print("listening", flush=True)  # noqa: T201 - who started it waits for that
        for offset in range(count):
            message = next(subscriber)
            if message.offset != offset:
                raise SystemExit(f"offset {message.offset} in the place of {offset}")
        print("whole", subscriber.repaired, flush=True)  # noqa: T201 - the result


main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
