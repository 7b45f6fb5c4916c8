"""A producer with a spool and real brokers: what `send` has taken arrives once, in order, however long it takes."""

from __future__ import annotations

import gc
import threading
import time
from pathlib import Path

import pytest
from broker_process import BrokerProcess
from client_kit import FakeBroker, fakes, greeting, open_files
from waiting import eventually

import mq
from mq.client.producer import Producer
from mq.client.spool_losses import SpoolState
from mq.errors import Closed, MqError, Refused, StillSpooled
from mq.frame import Frame, ack_key, check, split
from mq.protocol import Acks, Control, Nack

TOPIC = "host/n1/cpu"
PATIENCE_S = 20.0


def bodies(broker: BrokerProcess, topic: str = TOPIC) -> list[bytes]:
    return [message.body for message in mq.replay(broker.control, topic)]


def state(producer: Producer) -> SpoolState:
    assert producer.spool is not None
    return producer.spool


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


def test_while_the_broker_is_there_records_are_acknowledged_and_files_go(broker: BrokerProcess, spool: Path) -> None:
    with mq.Producer(broker.control, spool=spool) as producer:
        acks = [producer.send(TOPIC, b"%d" % number) for number in range(1_000)]
        acks.append(producer.send_many(TOPIC, [b"1000", b"1001"]))
        offsets = [ack.result(PATIENCE_S) for ack in acks]
        assert [each.offset for each in offsets] == [*range(1_000), 1_001]
        assert {each.level for each in offsets} == {"durable"}
        assert state(producer).records == 0
    assert bodies(broker) == [b"%d" % number for number in range(1_002)]
    with mq.Producer(broker.control, spool=spool) as producer:
        assert len(list(spool.iterdir())) == 1
        assert state(producer)[:2] == (0, 0)


def test_without_a_spool_there_is_none(broker: BrokerProcess) -> None:
    with mq.Producer(broker.control) as producer:
        assert producer.spool is None


def test_send_does_not_wait_for_a_broker_that_is_away_and_memory_stays_bounded(
    broker: BrokerProcess, spool: Path
) -> None:
    """As for ten minutes at a hundred records a second, each with its own time."""
    broker.kill()
    count, topics = 60_000, ["host/n1/cpu", "host/n1/mem", "host/n1/net"]
    with mq.Producer(broker.control, spool=spool, buffer_bytes_max=200_000, block_s_max=0.0) as producer:
        before = time.time_ns()
        for number in range(count):
            producer.send(topics[number % 3], b"%d" % number)
        after = time.time_ns()
        assert state(producer).records == count
        held = [
            it for it in gc.get_objects() if type(it).__name__ == "Batch" and type(it).__module__ == "mq.client.batch"
        ]
        assert len(held) < 2_000
        broker.restart()
        producer.flush(60)
        assert state(producer)[:1] + state(producer)[2:] == (0, 0, 0, 0, 0, None, 0)
    for at, topic in enumerate(topics):
        found = list(mq.replay(broker.control, topic))
        assert [message.body for message in found] == [b"%d" % number for number in range(at, count, 3)]
        produced = [message.produced for message in found]
        assert before <= produced[0] < produced[-1] <= after
        assert produced == sorted(produced)
        assert len(set(produced)) == len(produced)


def test_close_leaves_what_no_broker_took_and_says_how_much(broker: BrokerProcess, spool: Path) -> None:
    broker.kill()
    producer = mq.Producer(broker.control, spool=spool, buffer_bytes_max=2_000)
    acks = [producer.send(TOPIC, b"%d" % number) for number in range(100)]
    producer.close(0)
    assert state(producer).records == 100
    before = time.monotonic()
    producer.close()  # of one that is closed nothing more is to come
    assert time.monotonic() - before < 5.0
    for ack in acks:
        with pytest.raises(StillSpooled) as caught:
            ack.result(0)
        assert (caught.value.topic, caught.value.path) == (TOPIC, str(spool))
    with pytest.raises(Closed):
        producer.send(TOPIC, b"late")
    broker.restart()
    with mq.Producer(broker.control, spool=spool) as later:
        assert state(later).records == 100
        assert later.send(TOPIC, b"100").result(PATIENCE_S).offset == 100
        assert later.send("other", b"0").result(PATIENCE_S).offset == 0
    assert bodies(broker) == [b"%d" % number for number in range(101)]


def test_flush_does_not_wait_for_what_others_send_meanwhile(broker: BrokerProcess, spool: Path) -> None:
    with mq.Producer(broker.control, spool=spool) as producer:
        acks: list[mq.Ack] = []
        is_over = threading.Event()

        def send() -> None:
            while not is_over.is_set():
                acks.append(producer.send("busy", b"x" * 100))

        thread = threading.Thread(target=send)
        thread.start()
        try:
            eventually(lambda: len(acks) > 1_000)
            mine = producer.send(TOPIC, b"mine")
            producer.flush(PATIENCE_S)
            assert mine.done
            sent = len(acks)
            eventually(lambda: len(acks) > sent)  # the others still send
        finally:
            is_over.set()
            thread.join()


def test_what_flush_has_waited_for_has_its_answer(broker: BrokerProcess, spool: Path) -> None:
    with mq.Producer(broker.control, "written", spool=spool) as producer:
        for _ in range(200):
            acks = [producer.send(topic, b"x") for topic in (TOPIC, "other")]
            producer.flush(PATIENCE_S)
            assert [ack.done for ack in acks] == [True, True]


def test_another_topic_does_not_wait_behind_a_backlog_that_is_drained_at_its_rate(
    broker: BrokerProcess, spool: Path
) -> None:
    broker.kill()
    with mq.Producer(broker.control, spool=spool, buffer_bytes_max=0) as producer:
        for number in range(40):
            producer.send(TOPIC, b"%d" % number + bytes(10_000))
        producer.close(0)
    broker.restart()
    with mq.Producer(broker.control, spool=spool, spool_drain_bytes_s=100_000) as producer:
        behind = producer.send(TOPIC, b"live")
        began = time.monotonic()
        assert producer.send("other", b"at once").result(PATIENCE_S).offset == 0
        assert not behind.done
        assert state(producer).records > 10
        assert behind.result(PATIENCE_S).offset == 40
        assert 2.0 < time.monotonic() - began < 10.0
    assert [body.rstrip(b"\0") for body in bodies(broker)] == [*(b"%d" % each for each in range(40)), b"live"]


def test_the_order_of_a_topic_is_kept_when_records_come_from_memory_and_disk_in_turns(
    broker: BrokerProcess, spool: Path
) -> None:
    told: dict[int, int] = {}
    with mq.Producer(broker.control, "written", spool=spool, buffer_bytes_max=3_000) as producer:

        def send(who: int) -> None:
            acks = [producer.send(TOPIC, b"%d %d" % (who, number)) for number in range(2_000)]
            offsets = [ack.result(PATIENCE_S).offset for ack in acks]
            assert offsets == sorted(set(offsets))
            told[who] = len(offsets)

        threads = [threading.Thread(target=send, args=(who,)) for who in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert told == {0: 2_000, 1: 2_000, 2: 2_000}
    found = [tuple(map(int, body.split())) for body in bodies(broker)]
    assert sorted(found) == [(who, number) for who in range(3) for number in range(2_000)]
    assert all([number for it, number in found if it == who] == list(range(2_000)) for who in range(3))


def test_what_is_sent_with_another_level_by_an_earlier_life_goes_again_as_it_was(
    broker: BrokerProcess, spool: Path
) -> None:
    broker.kill()
    with mq.Producer(broker.control, "durable", spool=spool) as producer:
        producer.send(TOPIC, b"0")
        producer.close(0)
    broker.restart()
    with mq.Producer(broker.control, "written", spool=spool) as producer:
        assert producer.send(TOPIC, b"1").result(PATIENCE_S) == (1, "written")
    assert bodies(broker) == [b"0", b"1"]


def test_a_wiped_broker_gets_what_was_never_sent(broker: BrokerProcess, spool: Path, tmp_path: Path) -> None:
    with mq.Producer(broker.control, spool=spool) as producer:
        producer.send(TOPIC, b"before").result(PATIENCE_S)
        broker.kill()
        for number in range(200):
            producer.send(TOPIC, b"%d" % number)
        producer.close(0)
    broker.data.rename(tmp_path / "gone")
    broker.restart()
    with mq.Producer(broker.control, spool=spool) as producer:
        producer.flush(PATIENCE_S)
        assert state(producer).records == 0
    assert bodies(broker) == [b"%d" % number for number in range(200)]


def test_what_may_be_stored_and_cannot_be_asked_for_is_counted_and_put_aside(spool: Path) -> None:
    def answer(heard: Control | bytes) -> list[Control]:
        assert isinstance(heard, bytes)
        return []

    def forgotten(heard: Control | bytes) -> list[Control]:
        assert isinstance(heard, bytes)
        topic, producer, sequence = ack_key(check(heard))
        if producer in heard_before:
            return [Nack(0, "unknown_producer", "", topic, producer, sequence)]
        return [Acks(0, [(topic, producer, sequence, sequence, 2)])]

    heard_before: set[int] = set()
    with fakes() as start:
        silent = start(greeting(answer))
        producer = mq.Producer(silent.control, spool=spool)
        acks = [producer.send(TOPIC, b"doubt %d" % number) for number in range(3)]
        frames = eventually(lambda: frames_heard(silent, 3))
        heard_before |= {ack_key(check(frame))[1] for frame in frames}
        producer.close(0)
        assert all(isinstance(outcome(ack), StillSpooled) for ack in acks)
        fake = start(greeting(forgotten))
        with mq.Producer(fake.control, spool=spool) as later:
            assert later.send(TOPIC, b"certain").result(PATIENCE_S)
            eventually(lambda: state(later).records == 0)
            assert (state(later).unknown, state(later).dropped) == (3, 0)
            with pytest.raises(MqError, match="whether it happened is unknown"):
                later.close()
        assert frames_heard(fake, 4)[:3] == frames  # byte for byte
    aside = [frame.records() for frame in frames_in(spool / "unknown.frames")]
    assert aside == [[b"doubt 0"], [b"doubt 1"], [b"doubt 2"]]


def frames_heard(fake: FakeBroker, count: int) -> list[bytes]:
    frames = [heard for heard in fake.heard if isinstance(heard, bytes)]
    return frames if len(frames) >= count else []


def frames_in(path: Path) -> list[Frame]:
    return list(split(path.read_bytes()))


def outcome(ack: mq.Ack) -> MqError | int:
    try:
        return ack.result(PATIENCE_S).offset
    except MqError as error:
        return error


@pytest.mark.parametrize("reason", ["disk_full", "read_only", "journal_failed", "unreadable", "busy"])
def test_a_refusal_that_may_go_by_is_waited_out(spool: Path, reason: str) -> None:
    refusals = iter([reason] * 5)

    def answer(heard: Control | bytes) -> list[Control]:
        assert isinstance(heard, bytes)
        topic, producer, sequence = ack_key(check(heard))
        if (word := next(refusals, None)) is not None:
            return [Nack(0, word, "", topic, producer, sequence)]
        return [Acks(0, [(topic, producer, sequence, sequence, 2)])]

    with fakes() as start, mq.Producer(start(greeting(answer)).control, spool=spool) as producer:
        assert producer.send(TOPIC, b"0").result(PATIENCE_S).offset == 0


def test_a_refusal_that_is_final_is_raised_counted_and_takes_nothing_with_it(spool: Path) -> None:
    def answer(heard: Control | bytes) -> list[Control]:
        assert isinstance(heard, bytes)
        topic, producer, sequence = ack_key(check(heard))
        if heard.endswith(b"bad"):
            return [Nack(0, "bad_batch", "as it is", topic, producer, sequence)]
        return [Acks(0, [(topic, producer, sequence, sequence, 2)])]

    with fakes() as start, mq.Producer(start(greeting(answer)).control, spool=spool) as producer:
        bad, good = producer.send(TOPIC, b"bad"), producer.send(TOPIC, b"good")
        with pytest.raises(Refused, match="bad_batch"):
            bad.result(PATIENCE_S)
        assert good.result(PATIENCE_S)
        assert state(producer)[2:] == (0, 1, 0, 0, None, 0)


def test_nothing_is_left_open(broker: BrokerProcess, spool: Path) -> None:
    before = open_files()
    for _ in range(3):
        with mq.Producer(broker.control, spool=spool) as producer:
            producer.send(TOPIC, b"x").result(PATIENCE_S)
    assert open_files() <= before
