"""Reading a topic with hundreds of damaged places: each is a gap, and all between them is there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from broker_process import BrokerProcess

import mq
from mq.errors import Gap
from mq.frame import split

TOPIC = "host/n1/cpu"
COUNT, EACH = 4_000, 20
DAMAGED = set(range(EACH, COUNT, EACH))
Next = Callable[[], "mq.Message | None"]


def wound(directory: Path) -> None:
    """Flip a byte in the body of each record that is to be damaged."""
    (segment,) = directory.glob("@*.log")
    data, end = bytearray(segment.read_bytes()), 0
    for frame in split(bytes(data)):
        end += len(TOPIC) + 1 + 64 + len(frame.body)
        if frame.header.offset in DAMAGED:
            data[end - 1] ^= 1
    segment.write_bytes(data)


def read_all(take: Next) -> tuple[list[int | None], set[int]]:
    """Return the offsets that come, and those in gaps, until the last record has come."""
    offsets: list[int | None] = []
    lost: set[int] = set()
    while not offsets or offsets[-1] != COUNT - 1:
        try:
            message = take()
        except Gap as gap:
            lost |= set(range(gap.first, gap.next))
            continue
        assert message is not None, f"silence after {len(offsets)} records and {len(lost)} lost ones"
        offsets.append(message.offset)
    return offsets, lost


@pytest.mark.parametrize("how", ["replay", "subscriber"])
def test_each_is_a_gap_and_all_between_them_comes(broker: BrokerProcess, how: str) -> None:
    with mq.Producer(broker.control, "written") as producer:
        for number in range(COUNT):
            producer.send(TOPIC, b"%d" % number + bytes(100)).result(20)  # a frame of its own
    broker.stop()
    wound(broker.data / "topics" / TOPIC)
    broker.restart()
    if how == "replay":
        with mq.replay(broker.control, TOPIC) as records:
            offsets, lost = read_all(lambda: next(records))
    else:
        with mq.Subscriber(broker.control, TOPIC, start=0) as subscriber:
            offsets, lost = read_all(lambda: subscriber.receive(20))
    assert lost == DAMAGED
    assert offsets == [number for number in range(COUNT) if number not in DAMAGED]
