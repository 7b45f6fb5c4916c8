"""The programs at the places: they go on through every fault, and write down what they were told, a flushed line each.

``python stations.py produce|follow|consume …``; a producer ends in order when its standard input does, and the readers
when they are told by SIGTERM, or killed.
"""

from __future__ import annotations

import json
import random
import select
import signal
import sys
from collections import deque
from pathlib import Path
from typing import Any, Literal, TextIO

from checker import body
from load import outcome_of

import mq
from mq.client.ack import Ack

WINDOW = 60
PACE_S = 0.003
ANSWER_S_MAX = 300.0
SIZE_MAX = 400
COMMIT_EVERY = 25
PATTERN = "net/#"
RECEIVE_S = 0.2

Waiting = tuple[str, list[bytes], Ack]


class Log:
    """A file of lines of JSON. What was written is there, whatever becomes of the process."""

    def __init__(self, path: str) -> None:
        self._file: TextIO = Path(path).open("a", encoding="ascii")  # noqa: SIM115 - as long as the process

    def write(self, *row: object) -> None:
        """Write a line."""
        self._file.write(json.dumps(row) + "\n")
        self._file.flush()


def produce(control: str, log: str, name: str, level: Literal["written", "durable"], deliver_s_max: str) -> None:
    """Send numbered records to a topic of its own and one that all share, until standard input ends."""
    chance = random.Random(name)  # noqa: S311 - the same load each time
    said, waiting, number = Log(log), deque[Waiting](), 0
    with mq.Producer(control, level, deliver_s_max=float(deliver_s_max)) as producer:
        while not select.select([sys.stdin], [], [], PACE_S)[0]:
            topic = chance.choice((f"net/{name}", "net/shared"))
            bodies = [body(name, number + each, chance.randrange(SIZE_MAX)) for each in range(chance.choice((1, 1, 4)))]
            number += len(bodies)
            ack = producer.send(topic, bodies[0]) if len(bodies) == 1 else producer.send_many(topic, bodies)
            waiting.append((topic, bodies, ack))
            while waiting and (waiting[0][2].done or len(waiting) > WINDOW):
                _settle(said, *waiting.popleft())
        while waiting:
            _settle(said, *waiting.popleft())


def _settle(said: Log, topic: str, bodies: list[bytes], ack: Ack) -> None:
    """Write down what became of records that went together."""
    outcome, last = outcome_of(ack, ANSWER_S_MAX)
    for behind, record in zip(range(len(bodies) - 1, -1, -1), bodies, strict=True):
        said.write(topic, record.decode(), outcome, None if last is None else last - behind)


def follow(control: str, log: str) -> None:
    """Hear all from the beginning."""
    said = Log(log)
    with mq.Subscriber(control, PATTERN, start=0) as subscriber:
        while True:
            _hear(said, subscriber)


def consume(control: str, log: str, name: str) -> None:
    """Hear all behind what was committed under this name, and commit now and then, and when it is quiet."""
    said, heard, places = Log(log), 0, dict[str, int]()
    said.write("begin")
    with mq.Subscriber(control, PATTERN, consumer=name) as subscriber:
        while True:
            place = _hear(said, subscriber)
            heard += place is not None
            if place is not None:
                places |= [place]
            if places and (place is None or heard % COMMIT_EVERY == 0):
                _commit(said, subscriber, places)


def _hear(said: Log, subscriber: mq.Subscriber) -> tuple[str, int] | None:
    """Write down what comes, and return its topic and the offset behind it."""
    try:
        message = subscriber.receive(RECEIVE_S)
    except mq.Refused as error:
        if error.reason != "held":  # by the life before, until the broker is sure of its end
            said.write("told", "Refused", str(error))
        return None
    except (mq.Gap, mq.Trimmed, mq.Rewound) as error:
        said.write("told", type(error).__name__, str(error))
        return None
    if message is None:
        return None
    assert message.offset is not None, "nobody pushes here, so all is stored"
    said.write("record", message.topic, message.offset, message.body.decode())
    return message.topic, message.offset + 1


def _commit(said: Log, subscriber: mq.Subscriber, places: dict[str, int]) -> None:
    """Commit, and write down what is committed once that is certain."""
    try:
        subscriber.commit()
    except mq.TimedOut:
        return
    except mq.Refused as error:
        said.write("told", "Refused", str(error))
        return
    for topic, offset in places.items():
        said.write("committed", topic, offset)
    places.clear()


def _end(*_: Any) -> None:
    """End in order."""
    sys.exit(0)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    {"produce": produce, "follow": follow, "consume": consume}[sys.argv[1]](*sys.argv[2:])  # type: ignore[operator]
