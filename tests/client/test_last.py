"""The last record of each topic, however long ago and however many there are."""

from __future__ import annotations

from typing import Any

import pytest

import mq
from mq.errors import BadPattern, Unreachable


def fill(control: str, *topics: str) -> None:
    with mq.Producer(control, durability="written") as producer:
        for topic in topics:
            producer.send(topic, b"first")
            producer.send_many(topic, [b"middle", f"last of {topic}".encode()])


def test_each_topic_gives_its_last_record_whole(broker: Any) -> None:
    """Of a frame with several records the last one, with its own offset; in the order of the names."""
    fill(broker.control, "host/b/cpu", "host/a/cpu", "other")
    found = list(mq.last_values(broker.control, ["host/+/cpu", "none/#"]))
    assert [(each.topic, each.offset, each.body) for each in found] == [
        ("host/a/cpu", 2, b"last of host/a/cpu"),
        ("host/b/cpu", 2, b"last of host/b/cpu"),
    ]


def test_more_than_one_answer_holds_are_all_told(start_broker: Any) -> None:
    """Page by page."""
    broker = start_broker(MINIMQ_FETCH_SLICE_BYTES="4096")
    topics = sorted(f"host/node{number}/cpu" for number in range(200))
    fill(broker.control, *topics)
    assert [each.topic for each in mq.last_values(broker.control, "#")] == topics


def test_what_cannot_be_asked_is_said_before_anybody_is(broker: Any) -> None:
    """A pattern at once; a broker that is away after the time that was given."""
    with pytest.raises(BadPattern):
        mq.last_values(broker.control, "a/#/b")
    broker.kill()
    with pytest.raises(Unreachable):
        list(mq.last_values(broker.control, "#", timeout_s=0.3))
