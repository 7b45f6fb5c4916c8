"""A subscriber that begins where another one stopped, topic by topic, without a name at the broker."""

from __future__ import annotations

import pytest
from broker_process import BrokerProcess

import mq


def test_it_begins_at_its_positions_and_elsewhere_at_its_start(broker: BrokerProcess) -> None:
    with mq.Producer(broker.control) as producer:
        for topic in ("a/x", "a/y"):
            producer.send_many(topic, [b"0", b"1", b"2"]).result(10)
    with mq.Subscriber(broker.control, "a/x", start=0) as first:
        batch = first.receive_batch(10)
        assert batch is not None
        epoch = first.epoch_of(batch)
    assert epoch > 0
    with mq.Subscriber(broker.control, "a/#", start=1, positions={"a/x": (2, epoch)}) as second:
        got = sorted((message.topic, message.offset) for message in (second.receive(10) for _ in range(3)) if message)
    assert got == [("a/x", 2), ("a/y", 1), ("a/y", 2)]


def test_a_position_that_the_journal_never_gave_is_rewound(broker: BrokerProcess) -> None:
    with mq.Producer(broker.control) as producer:
        producer.send("t", b"0").result(10)
    with (
        mq.Subscriber(broker.control, "t", positions={"t": (7, None)}) as subscriber,
        pytest.raises(mq.Rewound) as raised,
    ):
        subscriber.receive(10)
    assert (raised.value.wanted, raised.value.end) == (7, 1)
