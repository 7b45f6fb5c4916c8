"""A broker that keeps no more than it is told to, while it serves."""

from __future__ import annotations

import pytest
from conftest import StartBroker
from waiting import eventually

import mq
from mq.client.link import Link
from mq.errors import Trimmed
from mq.protocol import TopicList, Topics

TOPIC = "host/n1/cpu"
COUNT, AT_ONCE = 2_000, 10


def held(control: str) -> tuple[int, int]:
    """Return the first offset that is kept, and how many bytes are."""
    with Link(control) as link:
        ((_, first, _, size, *_),) = link.ask(Topics(link.number(), [TOPIC]), TopicList).topics
    return first, size


def test_what_is_over_goes_and_readers_are_told(start_broker: StartBroker) -> None:
    """Who wants what is gone hears where to go on; nobody else notices."""
    broker = start_broker(MINIMQ_TOPIC_BYTES_MAX="65536", MINIMQ_SEGMENT_BYTES="16384", MINIMQ_SYNC_INTERVAL_S="0.02")
    with mq.Producer(broker.control, "written") as producer:
        for number in range(COUNT):
            ack = producer.send(TOPIC, b"%d" % number + bytes(100))
            if number % AT_ONCE == 0:
                ack.result(20)  # what is written at once is in one segment
    eventually(lambda: held(broker.control)[1] < 65_536 + 16_384 + 200 * AT_ONCE)
    first, size = held(broker.control)
    assert first > 0
    assert size >= 65_536
    with mq.replay(broker.control, TOPIC) as records:
        with pytest.raises(Trimmed) as caught:
            next(records)
        assert [record.offset for record in records] == list(range(caught.value.first_kept, COUNT))
    with mq.Subscriber(broker.control, "host/#", start=0) as subscriber:
        with pytest.raises(Trimmed):
            subscriber.receive(20)
        message = subscriber.receive(20)
    assert message is not None
    assert message.offset == caught.value.first_kept
    broker.kill()
    broker.restart()
    assert held(broker.control) == (first, size)
