"""A name that resumes: after what was committed, over the death of program, broker and journal's end."""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from broker_process import BrokerProcess
from waiting import eventually

import mq
from mq.errors import BadName, MqError, Refused, Rewound, Trimmed

StartBroker = Callable[..., BrokerProcess]
TOPIC = "jobs/a"
PATIENCE_S = 10.0


def send(broker: BrokerProcess, *bodies: bytes, topic: str = TOPIC, ack: str = "written") -> None:
    with mq.Producer(broker.control, ack) as producer:  # type: ignore[arg-type]
        for body in bodies:
            producer.send(topic, body)
        producer.flush(PATIENCE_S)


def numbers(first: int, stop: int) -> list[bytes]:
    return [b"%d" % number for number in range(first, stop)]


def take(subscriber: mq.Subscriber, count: int) -> list[bytes]:
    found = [subscriber.receive(PATIENCE_S) for _ in range(count)]
    return [message.body for message in found if message is not None]


def named(broker: BrokerProcess, name: str = "worker", patterns: str = "jobs/#") -> mq.Subscriber:
    return mq.Subscriber(broker.control, patterns, consumer=name)


def refusal(subscriber: mq.Subscriber, kind: type[MqError] = Refused) -> MqError:
    with pytest.raises(kind) as caught:
        deque(iter(lambda: subscriber.receive(PATIENCE_S), None), maxlen=0)
    return caught.value


def test_a_name_begins_at_the_beginning_and_resumes_behind_what_was_committed(broker: BrokerProcess) -> None:
    send(broker, *numbers(0, 20))
    with named(broker) as first:
        assert take(first, 7) == numbers(0, 7)
        first.commit()
        assert take(first, 5) == numbers(7, 12)
    with named(broker) as second:
        assert take(second, 13) == numbers(7, 20)
        second.commit()
        second.commit()
    send(broker, b"20")
    with named(broker) as third, named(broker, "other") as other:
        assert take(third, 1) == [b"20"]
        assert take(other, 21) == numbers(0, 21)


def test_within_a_batch_too_and_in_each_topic_by_itself(broker: BrokerProcess) -> None:
    with mq.Producer(broker.control, "written") as producer:
        producer.send_many(TOPIC, numbers(0, 10))
        producer.send_many("jobs/b", numbers(100, 110))
    with named(broker) as first:
        got = [message for message in (first.receive(PATIENCE_S) for _ in range(14)) if message]
        first.commit()
    with named(broker) as second:
        rest = [message for message in (second.receive(PATIENCE_S) for _ in range(6)) if message]
    seen = sorted((message.topic, message.offset or 0) for message in got + rest)
    assert seen == [(topic, offset) for topic in (TOPIC, "jobs/b") for offset in range(10)]


def test_a_whole_batch_is_handed_out_at_once(broker: BrokerProcess) -> None:
    send(broker, *numbers(0, 6))
    with named(broker) as first:
        done = 0
        while done < 6:
            batch = first.receive_batch(PATIENCE_S)
            assert batch is not None
            done += len(batch.records)
        first.commit()
    send(broker, b"6")
    with named(broker) as second:
        assert take(second, 1) == [b"6"]


def test_what_receive_has_left_of_a_batch_comes_before_the_next(broker: BrokerProcess) -> None:
    with mq.Producer(broker.control, "written") as producer:
        producer.send_many(TOPIC, numbers(0, 5)).result(PATIENCE_S)
        producer.send_many(TOPIC, numbers(5, 8))
    with named(broker) as first:
        assert take(first, 1) == [b"0"]
        batch = first.receive_batch(PATIENCE_S)
        assert batch is not None
        assert (batch.offset, batch.records) == (1, numbers(1, 5))
        first.commit()
    with named(broker) as second:
        assert take(second, 3) == numbers(5, 8)


def test_start_says_where_topics_begin_that_were_not_met_before(broker: BrokerProcess) -> None:
    send(broker, *numbers(0, 5))
    with mq.Subscriber(broker.control, "jobs/#", 3, consumer="late") as first:
        assert take(first, 1) == [b"3"]
        first.commit()
    with mq.Subscriber(broker.control, "jobs/#", 0, consumer="late") as second:
        assert take(second, 1) == [b"4"]


def test_nothing_is_committed_by_itself(broker: BrokerProcess) -> None:
    send(broker, *numbers(0, 5))
    for _ in range(2):
        with named(broker) as subscriber:
            assert take(subscriber, 5) == numbers(0, 5)


def test_what_was_committed_survives_the_brokers_death_and_so_does_the_name(broker: BrokerProcess) -> None:
    send(broker, *numbers(0, 10))
    with named(broker) as first:
        assert take(first, 4) == numbers(0, 4)
        first.commit()
        broker.kill()
        broker.restart()
        assert take(first, 3) == numbers(4, 7)
        first.commit()
        with named(broker) as second:
            assert "held by" in str(refusal(second))
    broker.kill()
    broker.restart()
    with named(broker) as third:
        assert take(third, 3) == numbers(7, 10)


def test_a_commit_waits_for_a_broker_that_is_away(broker: BrokerProcess) -> None:
    send(broker, *numbers(0, 4))
    with named(broker) as first:
        assert take(first, 2) == numbers(0, 2)
        broker.kill()
        with pytest.raises(mq.TimedOut, match="committing worker"):
            first.commit(0.2)
        broker.restart()
        first.commit()
    with named(broker) as second:
        assert take(second, 2) == numbers(2, 4)


def test_a_second_one_is_refused_with_the_holders_name_until_that_is_gone(broker: BrokerProcess) -> None:
    send(broker, *numbers(0, 4))
    with named(broker) as first:
        assert take(first, 2) == numbers(0, 2)
        first.commit()
        with named(broker) as second:
            error = refusal(second)
            assert isinstance(error, Refused)
            assert error.reason == "held"
            first.close()
            assert eventually(lambda: _received(second)) == b"2"


def _received(subscriber: mq.Subscriber) -> bytes | None:
    try:
        message = subscriber.receive(1)
    except Refused:
        return None
    return message.body if message else None


def test_who_was_silent_for_too_long_is_fenced_when_another_has_taken_over(broker: BrokerProcess) -> None:
    send(broker, *numbers(0, 9))
    with named(broker) as first, named(broker) as second:
        assert take(first, 4) == numbers(0, 4)
        assert eventually(lambda: _received(second)) == b"0"
        second.commit()
        with pytest.raises(Refused, match="fenced"):
            first.commit()
        assert isinstance(refusal(first), Refused)
    with named(broker) as third:
        assert take(third, 1) == [b"1"]


def test_who_is_fenced_is_told_so_by_each_call_and_handed_nothing_of_what_is_not_his_any_more(
    broker: BrokerProcess,
) -> None:
    with mq.Producer(broker.control, "written") as producer:
        producer.send_many(TOPIC, numbers(0, 9))
    with named(broker) as first, named(broker) as second:
        assert take(first, 1) == numbers(0, 1)
        assert eventually(lambda: _received(second)) == b"0"
        for _ in range(20):
            found = refusal(first)
            assert isinstance(found, Refused)
            if found.reason == "fenced":
                break
        for call in (first.receive, first.receive_batch, first.commit):
            with pytest.raises(Refused, match="begin anew"):
                call(PATIENCE_S)
    with named(broker) as anew:
        assert take(anew, 1) == [b"0"]


def test_without_a_name_there_is_nothing_to_commit(broker: BrokerProcess) -> None:
    with mq.Subscriber(broker.control, "jobs/#", 0) as subscriber, pytest.raises(ValueError, match="consumer=NAME"):
        subscriber.commit()


@pytest.mark.parametrize("name", ["", "a/b", ".a", "ä", "x" * 101, "a b"])
def test_a_name_outside_the_grammar_is_refused_before_any_broker_is_asked(name: str) -> None:
    for kind in (partial(mq.Subscriber, consumer=name), partial(mq.SharedConsumer, consumer=name)):
        with pytest.raises(BadName, match="is no consumer's name: use letters") as caught:
            kind("tcp://127.0.0.1:1", "jobs/#")
        assert isinstance(caught.value, ValueError)


def test_a_journal_restored_from_an_older_copy_rewinds_the_name_and_shows_no_wrong_record(
    start_broker: StartBroker, tmp_path: Path
) -> None:
    broker = start_broker()
    send(broker, *numbers(0, 5))
    broker.stop()
    shutil.copytree(broker.data / "topics/jobs", tmp_path / "copy")
    broker.restart()
    send(broker, *numbers(5, 10))
    with named(broker) as first:
        assert take(first, 8) == numbers(0, 8)
        first.commit()
    broker.stop()
    shutil.rmtree(broker.data / "topics/jobs")
    shutil.copytree(tmp_path / "copy", broker.data / "topics/jobs")
    broker.restart()
    send(broker, *numbers(50, 60))
    with named(broker) as second:
        error = refusal(second, Rewound)
        assert isinstance(error, Rewound)
        assert (error.wanted, error.end) == (8, 5)
        assert take(second, 3) == numbers(50, 53)
        second.commit()
    with named(broker) as third:
        assert take(third, 1) == [b"53"]


def test_a_name_whose_records_were_trimmed_is_told_and_goes_on(start_broker: StartBroker) -> None:
    broker = start_broker(MINIMQ_SEGMENT_BYTES="4096", MINIMQ_TOPIC_BYTES_MAX="4096", MINIMQ_SYNC_INTERVAL_S="0.01")
    send(broker, *numbers(0, 3))
    with named(broker) as first:
        take(first, 2)
        first.commit()
    for _ in range(4):
        send(broker, *[bytes(1000)] * 5)
    eventually(lambda: not list((broker.data / "topics/jobs/a").glob("@00000000000000000000.log")))
    with named(broker) as second:
        error = refusal(second, Trimmed)
        assert isinstance(error, Trimmed)
        assert error.wanted == 2
        second.commit()
        message = second.receive(PATIENCE_S)
        assert message is not None
        assert message.offset == error.first_kept
    with named(broker) as third:
        message = third.receive(PATIENCE_S)
        assert message is not None
        assert message.offset == error.first_kept
