"""Sharing: each record to one member at a time, to another when its holder dies, and a dead letter in the end."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import msgpack
import pytest
from broker_process import BrokerProcess
from waiting import eventually

import mq
from mq.errors import CodecMissing, Refused, Trimmed

StartBroker = Callable[..., BrokerProcess]
TOPIC = "jobs/a"
PATIENCE_S = 10.0


def send(broker: BrokerProcess, *bodies: bytes, topic: str = TOPIC) -> None:
    with mq.Producer(broker.control, "written") as producer:
        for body in bodies:
            producer.send(topic, body)
        producer.flush(PATIENCE_S)


def numbers(first: int, stop: int) -> list[bytes]:
    return [b"%d" % number for number in range(first, stop)]


def member(broker: BrokerProcess, count: int = 5, seconds: int = 30, name: str = "crew") -> mq.SharedConsumer:
    return mq.SharedConsumer(broker.control, "jobs/#", name, count=count, seconds=seconds)


def take(consumer: mq.SharedConsumer) -> mq.Message:
    message = consumer.receive(PATIENCE_S)
    assert message is not None
    return message


def settle(consumer: mq.SharedConsumer, message: mq.Message) -> None:
    consumer.done(message)
    consumer.flush()


def test_members_split_the_records_and_none_is_given_to_two(broker: BrokerProcess) -> None:
    send(broker, *numbers(0, 40))
    with member(broker) as one, member(broker) as other:
        got: Counter[bytes] = Counter()
        for _ in range(20):
            for each in (one, other):
                message = take(each)
                got[message.body] += 1
                each.done(message)
        assert got == Counter(numbers(0, 40))
        assert one.receive(0.2) is None
    with member(broker) as later:
        assert later.receive(0.2) is None


def test_what_one_cannot_unpack_is_left_to_others_and_keeps_nothing_else(
    broker: BrokerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mq.Producer(broker.control, "written", compress=True) as producer:
        producer.send_many(TOPIC, [bytes(500)] * 2).result(PATIENCE_S)
    send(broker, b"plain")
    with member(broker) as with_codec:
        with member(broker) as without, monkeypatch.context() as patch:
            patch.setitem(sys.modules, "zstandard", None)
            with pytest.raises(CodecMissing):
                without.receive(PATIENCE_S)
            settle(without, take(without))
        left = [take(with_codec) for _ in range(2)]
        assert [(message.offset, message.body) for message in left] == [(0, bytes(500)), (1, bytes(500))]
        for message in left:
            settle(with_codec, message)
        assert with_codec.receive(0.2) is None


def test_a_broker_that_is_away_is_waited_for_by_one_of_many_calls(broker: BrokerProcess) -> None:
    send(broker, *numbers(0, 10))
    with mq.SharedConsumer(broker.control, "jobs/#", "crew", timeout_s=2) as one:
        messages = [take(one) for _ in range(10)]
        broker.kill()
        began = time.monotonic()
        for message in messages:
            one.done(message)
        assert time.monotonic() - began < 8
        broker.restart()
        one.flush()
        assert one.receive(0.2) is None


def test_what_is_settled_is_given_to_nobody_again_over_a_kill_of_the_broker(broker: BrokerProcess) -> None:
    send(broker, *numbers(0, 10))
    with member(broker, count=4) as one:
        for _ in range(6):
            one.done(take(one))
        one.flush()
        broker.kill()
        broker.restart()
        rest = [take(one) for _ in range(4)]
        assert sorted(message.body for message in rest) == numbers(6, 10)
        for message in rest:
            one.done(message)
        assert one.receive(0.2) is None


def test_what_a_member_leaves_unsettled_is_given_to_another_alone_and_what_it_did_not_see_is_not_counted(
    broker: BrokerProcess,
) -> None:
    send(broker, *numbers(0, 10))
    with member(broker) as one:
        assert [take(one).body for _ in range(3)] == numbers(0, 3)
    with member(broker) as other:
        got = [take(other) for _ in range(10)]
        assert sorted(message.body for message in got) == numbers(0, 10)
        for message in got:
            other.done(message)


def test_a_record_that_is_released_as_often_as_it_may_be_becomes_a_dead_letter(start_broker: StartBroker) -> None:
    broker = start_broker(MINIMQ_CONSUMER_TRIES_MAX="3")
    send(broker, b"poison", b"fine")
    tries: Counter[bytes] = Counter()
    with member(broker) as one:
        while message := one.receive(0.5):
            tries[message.body] += 1
            if message.body == b"poison":
                one.release(message)
            else:
                one.done(message)
    assert tries == {b"poison": 3, b"fine": 1}
    with mq.replay(broker.control, "_mq/dead/crew") as letters:
        (letter,) = [msgpack.unpackb(message.body) for message in letters]
    assert {name: letter[name] for name in ("topic", "offset", "tries", "body")} == {
        "topic": TOPIC,
        "offset": 0,
        "tries": 3,
        "body": b"poison",
    }


def test_a_silent_members_records_are_given_to_another_and_its_late_word_is_refused(broker: BrokerProcess) -> None:
    send(broker, *numbers(0, 3))
    with member(broker, seconds=1) as slow, member(broker) as quick:
        late = take(slow)
        got = [take(quick) for _ in range(3)]
        assert sorted(message.body for message in got) == numbers(0, 3)
        with pytest.raises(Refused, match="fenced"):
            settle(slow, late)
        for message in got:
            quick.done(message)
        quick.flush()
        assert slow.receive(0.3) is None


def test_a_record_that_was_never_handed_out_cannot_be_settled(broker: BrokerProcess) -> None:
    send(broker, *numbers(0, 3))
    with member(broker) as one:
        message = take(one)
        one.done(message)
        for wrong in (message, message._replace(offset=2), message._replace(offset=999), message._replace(topic="x")):
            with pytest.raises(Refused, match="not held"):
                one.done(wrong)


def test_what_retention_deleted_is_told_and_passed_over(start_broker: StartBroker) -> None:
    broker = start_broker(MINIMQ_SEGMENT_BYTES="4096", MINIMQ_TOPIC_BYTES_MAX="4096", MINIMQ_SYNC_INTERVAL_S="0.01")
    for _ in range(4):
        send(broker, *[bytes(1000)] * 5)
    eventually(lambda: not list((broker.data / "topics/jobs/a").glob("@00000000000000000000.log")))
    with member(broker) as one:
        with pytest.raises(Trimmed) as caught:
            one.receive(PATIENCE_S)
        assert take(one).offset == caught.value.first_kept > 0


def test_two_kinds_under_one_name_and_other_topics_are_refused(broker: BrokerProcess) -> None:
    send(broker, b"0")
    with member(broker) as one:
        take(one)
        with mq.SharedConsumer(broker.control, "b/#", "crew") as other, pytest.raises(Refused, match="name the same"):
            other.receive(1)
    with mq.Subscriber(broker.control, "jobs/#", consumer="crew") as lone, pytest.raises(Refused, match="is shared"):
        lone.receive(PATIENCE_S)


WORKER = """
import sys, time, mq
control, path = sys.argv[1:]
with mq.SharedConsumer(control, "jobs/#", "crew", count=20, seconds=1) as consumer, open(path, "a") as log:
    print("ready", flush=True)
    for message in consumer:
        log.write(f"seen {message.topic} {message.offset} {time.monotonic_ns()}\\n")
        log.flush()
        consumer.done(message)
        if message.offset % 7 == 0:
            consumer.flush()
            log.write(f"settled {message.topic} {message.offset} {time.monotonic_ns()}\\n")
            log.flush()
"""
Place = tuple[str, int]


class Worker:
    """A process that consumes, and writes down when it saw what, and what was acknowledged as settled."""

    def __init__(self, broker: BrokerProcess, path: Path) -> None:
        self._path = path
        path.touch()
        self._process = subprocess.Popen(
            [sys.executable, "-c", WORKER, broker.control, str(path)], stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"

    def kill(self) -> None:
        """End it as a crash would; a second time is nothing."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def times(self, what: str) -> list[tuple[Place, int]]:
        """Return which records it has seen, or knows to be settled, and when."""
        lines = [line.split() for line in self._path.read_text().splitlines(keepends=True) if line.endswith("\n")]
        return [((topic, int(offset)), int(when)) for kind, topic, offset, when in lines if kind == what]


def test_kills_of_members_and_of_the_broker_lose_nothing_and_give_nothing_out_that_was_settled(
    broker: BrokerProcess, tmp_path: Path
) -> None:
    total, kills = 2_000, 12
    topics = [f"jobs/{number}" for number in range(4)]

    def load() -> None:
        with mq.Producer(broker.control, "written") as producer:
            for number in range(total // len(topics)):
                for topic in topics:
                    producer.send(topic, b"%d" % number)
            producer.flush(60)

    producing = threading.Thread(target=load)
    producing.start()
    workers: list[Worker] = []

    def seen() -> list[tuple[Place, int]]:
        return [each for worker in workers for each in worker.times("seen")]

    def everything() -> bool:
        return len({place for place, _ in seen()}) == total

    def has_seen_enough(worker: Worker) -> bool:
        return len(worker.times("seen")) > 60 or everything()

    with ExitStack() as stack:
        for number in range(kills + 3):
            worker = Worker(broker, tmp_path / f"worker{number}")
            workers.append(worker)
            stack.callback(worker.kill)
            if number < kills:
                eventually(partial(has_seen_enough, worker))
                if number % 3 == 2:
                    broker.kill()
                    broker.restart()
                worker.kill()
        producing.join()
        eventually(everything, 60)
    settled = dict(each for worker in workers for each in worker.times("settled"))
    assert not [place for place, when in seen() if when > settled.get(place, when)]
    with member(broker) as last:
        while message := last.receive(3):
            assert (message.topic, message.offset) not in settled
            last.done(message)
    letters = list(mq.replay(broker.control, "_mq/dead/crew"))
    assert letters == []
