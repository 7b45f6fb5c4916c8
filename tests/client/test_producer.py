"""The acknowledged producer: what it was told is so, and what nobody knows it says that nobody knows."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from broker_process import BrokerProcess
from client_kit import StartFake, fakes, greeting, open_files
from conftest import StartBroker
from lane_world import Answer, Model
from waiting import eventually

import mq
from mq.client.ack import Ack
from mq.client.link import Link
from mq.client.producer import Producer
from mq.errors import BadEndpoint, BadTopic, Closed, CodecMissing, MqError, NotStored, Refused, TimedOut, TooLarge
from mq.frame import Header, body_kind, check, parse, split, stamp
from mq.protocol import Acks, Control, Fetch, Frames, Nack

TOPIC = "host/n1/cpu"
NOBODY = "tcp://127.0.0.1:1"
PATIENCE_S = 20.0


@pytest.fixture
def fake() -> Iterator[StartFake]:
    with fakes() as start:
        yield lambda answer: start(greeting(answer))


def headers(broker: BrokerProcess, topic: str = TOPIC) -> list[Header]:
    """Return the headers of a topic's frames, as the journal has them."""
    found: list[Header] = []
    with Link(broker.control) as link:
        offset = 0
        while True:
            reply = link.ask(Fetch(link.number(), topic, offset, credit=1), Frames)
            found += [frame.header for frame in split(reply.frames)]
            if (offset := reply.next) == reply.end:
                return found


def outcome(ack: Ack) -> int | MqError:
    """Return the offset, or the error."""
    try:
        return ack.result(PATIENCE_S).offset
    except MqError as error:
        return error


# --- when all is well ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["written", "durable"])
def test_a_record_is_acknowledged_with_its_offset_and_level(broker: BrokerProcess, level: str) -> None:
    with mq.Producer(broker.control, level) as producer:  # type: ignore[arg-type]
        for number in range(3):
            assert producer.send(TOPIC, b"%d" % number).result(PATIENCE_S) == (number, level)
        assert producer.send_many(TOPIC, [b"3", b"4", b"5"]).result(PATIENCE_S) == (5, level)
        assert producer.send_many(TOPIC, [b"6"]).result(PATIENCE_S) == (6, level)
        assert producer.send("other", b"").result(PATIENCE_S) == (0, level)
        assert producer.send_many(TOPIC, (b"7", b"8")).result(PATIENCE_S) == (8, level)
    found = list(mq.replay(broker.control, TOPIC))
    assert [message.body for message in found] == [b"%d" % number for number in range(9)]
    sent = [(0, 1), (1, 1), (2, 1), (3, 3), (6, 1), (7, 2)]
    assert [(header.sequence, header.count) for header in headers(broker)] == sent


@pytest.mark.parametrize("level", ["written", "durable"])
def test_ten_thousand_sends_under_way_at_once_are_stored_once_and_in_order(broker: BrokerProcess, level: str) -> None:
    with mq.Producer(broker.control, level) as producer:  # type: ignore[arg-type]
        acks = [producer.send(TOPIC, b"%d" % number) for number in range(10_000)]
        assert [ack.result(PATIENCE_S).offset for ack in acks] == list(range(10_000))
    assert [message.body for message in mq.replay(broker.control, TOPIC)] == [b"%d" % each for each in range(10_000)]


def test_several_threads_share_a_producer(broker: BrokerProcess) -> None:
    found: dict[int, list[int]] = {}

    def send(who: int) -> None:
        acks = [producer.send(TOPIC, b"%d %d" % (who, number)) for number in range(500)]
        found[who] = [ack.result(PATIENCE_S).offset for ack in acks]

    with mq.Producer(broker.control, "written") as producer:
        threads = [threading.Thread(target=send, args=(who,)) for who in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert all(offsets == sorted(offsets) for offsets in found.values())
    assert sorted(offset for offsets in found.values() for offset in offsets) == list(range(2_000))
    bodies = [message.body for message in mq.replay(broker.control, TOPIC)]
    assert all(bodies[offset] == b"%d %d" % (who, at) for who, each in found.items() for at, offset in enumerate(each))


def test_what_is_sent_before_there_is_a_broker_arrives_when_there_is_one(broker: BrokerProcess) -> None:
    broker.kill()
    with mq.Producer(broker.control) as producer:
        ack = producer.send(TOPIC, b"early")
        with pytest.raises(TimedOut):
            ack.result(0.05)
        assert not ack.done
        broker.restart()
        assert ack.result(PATIENCE_S).offset == 0
        assert ack.done


def test_flush_and_close_wait_for_every_answer(broker: BrokerProcess) -> None:
    with mq.Producer(broker.control) as producer:
        acks = [producer.send(TOPIC, b"x") for _ in range(100)]
        producer.flush(PATIENCE_S)
        assert all(ack.done for ack in acks)
        acks = [producer.send(TOPIC, b"x") for _ in range(100)]
    assert [ack.result(0).offset for ack in acks] == list(range(100, 200))


# --- when the broker goes away ------------------------------------------------------------------------------------


def test_what_was_pending_when_the_broker_died_is_stored_once_by_the_next_one(broker: BrokerProcess) -> None:
    with mq.Producer(broker.control, "written", linger_s=0) as producer:
        producer.send(TOPIC, b"before").result(PATIENCE_S)
        broker.signal(signal.SIGSTOP)
        pending = [producer.send(TOPIC, b"%d" % number) for number in range(100)]
        with pytest.raises(TimedOut):
            pending[0].result(0.1)
        broker.kill()
        later = producer.send(TOPIC, b"later")
        broker.restart()
        assert [ack.result(PATIENCE_S).offset for ack in pending] == list(range(1, 101))
        assert later.result(PATIENCE_S) == (101, "written")
    assert len({header.producer for header in headers(broker)}) == 1


@pytest.mark.parametrize("level", ["written", "durable"])
def test_through_kills_everything_is_acknowledged_stored_once_and_in_order(broker: BrokerProcess, level: str) -> None:
    acks: list[Ack] = []
    with mq.Producer(broker.control, level, linger_s=0) as producer:  # type: ignore[arg-type]
        for _ in range(4):
            for _ in range(10):
                acks += [producer.send(TOPIC, b"%d" % (len(acks) + each)) for each in range(200)]
                acks.append(producer.send_many(TOPIC, [b"%d" % len(acks)]))
            acks[-1_000].result(PATIENCE_S)
            broker.kill()
            broker.restart()
        producer.flush(PATIENCE_S)
    assert [ack.result(0).offset for ack in acks] == list(range(len(acks)))
    assert [message.body for message in mq.replay(broker.control, TOPIC)] == [b"%d" % each for each in range(len(acks))]


def test_what_is_given_up_is_unknown_if_it_was_sent_and_not_stored_if_it_was_not(broker: BrokerProcess) -> None:
    producer = mq.Producer(broker.control, "written", deliver_s_max=3)
    producer.send(TOPIC, b"0").result(PATIENCE_S)
    broker.signal(signal.SIGSTOP)
    sent = producer.send(TOPIC, b"1")
    with pytest.raises(TimedOut, match="unknown"):
        sent.result(PATIENCE_S)
    broker.kill()
    never = producer.send("other", b"2")
    with pytest.raises(NotStored, match="never sent"):
        never.result(PATIENCE_S)
    broker.restart()
    assert producer.send(TOPIC, b"3").result(PATIENCE_S).level == "written"
    producer.close()
    assert [message.body for message in mq.replay(broker.control, "other")] == []
    assert headers(broker)[0].producer != headers(broker)[-1].producer


def test_closing_raises_what_was_given_up_and_nobody_asked_for() -> None:
    producer = mq.Producer(NOBODY, deliver_s_max=0.1)
    producer.send(TOPIC, b"x")
    with pytest.raises(NotStored):
        producer.close()
    producer.close()


def test_a_broker_that_stands_still_for_a_while_loses_nothing(broker: BrokerProcess) -> None:
    with mq.Producer(broker.control, "written") as producer:
        producer.send(TOPIC, b"0").result(PATIENCE_S)
        broker.signal(signal.SIGSTOP)
        ack = producer.send(TOPIC, b"1")
        with pytest.raises(TimedOut):
            ack.result(0.2)
        broker.signal(signal.SIGCONT)
        assert ack.result(PATIENCE_S).offset == 1


# --- when the broker says no --------------------------------------------------------------------------------------


def test_a_refusal_carries_its_reason_and_hurts_no_other(start_broker: StartBroker) -> None:
    broker = start_broker(MINIMQ_TOPICS_MAX="1")
    with mq.Producer(broker.control, "written") as producer:
        fine = [producer.send(TOPIC, b"x")]
        fine[0].result(PATIENCE_S)
        refused = producer.send("another", b"x")
        fine.append(producer.send(TOPIC, b"y"))
        with pytest.raises(Refused) as raised:
            refused.result(PATIENCE_S)
        assert raised.value.reason == "too_many_topics"
        assert raised.value.detail
        assert [ack.result(PATIENCE_S).offset for ack in fine] == [0, 1]


def test_ten_thousand_refusals_all_arrive(start_broker: StartBroker) -> None:
    broker = start_broker(MINIMQ_TOPICS_MAX="1")
    with mq.Producer(broker.control, "written") as producer:
        producer.send(TOPIC, b"x").result(PATIENCE_S)
        acks = [producer.send("another", b"x") for _ in range(10_000)]
        found = [outcome(ack) for ack in acks]
    assert {error.reason for error in found if isinstance(error, Refused)} == {"too_many_topics"}
    assert len(acks) == sum(isinstance(error, Refused) for error in found)


def test_what_was_refused_and_not_asked_for_is_raised_by_close(start_broker: StartBroker) -> None:
    broker = start_broker(MINIMQ_TOPICS_MAX="1")
    producer = mq.Producer(broker.control, "written")
    producer.send(TOPIC, b"x").result(PATIENCE_S)
    acks = [producer.send(f"{TOPIC}/{number}", b"x") for number in range(3)]
    with pytest.raises(Refused):
        acks[0].result(PATIENCE_S)
    with pytest.raises(Refused, match="too_many_topics") as raised:
        producer.close()
    assert "the first of 2 frames" in raised.value.__notes__[0]


def test_a_record_is_held_against_the_brokers_own_limit_from_the_first_on(start_broker: StartBroker) -> None:
    broker = start_broker(MINIMQ_FRAME_BYTES_MAX="3000000")
    with mq.Producer(broker.control, "written") as producer:
        assert producer.send(TOPIC, bytes(2_000_000)).result(PATIENCE_S).offset == 0
        with pytest.raises(TooLarge) as raised:
            producer.send(TOPIC, bytes(3_000_000))
    assert raised.value.limit == 3_000_000


def test_what_is_over_the_brokers_own_limit_is_split_or_too_large_though_it_was_sent_before_that_was_known(
    start_broker: StartBroker,
) -> None:
    broker = start_broker(MINIMQ_FRAME_BYTES_MAX="1024")
    broker.signal(signal.SIGSTOP)
    with mq.Producer(broker.control, "written") as producer:
        early = [producer.send(TOPIC, b"%d" % number) for number in range(500)]
        large = producer.send("large", bytes(2_000))
        together = producer.send_many("together", [bytes(200)] * 10)
        broker.signal(signal.SIGCONT)
        assert [outcome(ack) for ack in early] == list(range(500))
        for ack in (large, together):
            found = outcome(ack)
            assert isinstance(found, TooLarge)
            assert found.limit == 1024 < found.size
        with pytest.raises(TooLarge):
            producer.send(TOPIC, bytes(2_000))
        assert outcome(producer.send(TOPIC, b"fits")) == 500
    assert [message.body for message in mq.replay(broker.control, TOPIC)][:500] == [b"%d" % each for each in range(500)]


@pytest.mark.parametrize(
    ("topic", "body", "error"),
    [("a//b", b"", BadTopic), ("", b"", BadTopic), ("t" * 201, b"", BadTopic), ("a", bytes(1 << 24), TooLarge)],
)
def test_what_cannot_be_a_frame_is_refused_at_once(topic: str, body: bytes, error: type[MqError]) -> None:
    with mq.Producer(NOBODY) as producer:
        with pytest.raises(error):
            producer.send(topic, body)
        with pytest.raises(error):
            producer.send_many(topic, [body])
        with pytest.raises(ValueError, match="at least one record"):
            producer.send_many("a", [])


@pytest.mark.parametrize("spooled", [False, True])
def test_records_may_say_when_they_were_made(broker: BrokerProcess, tmp_path: Path, spooled: bool) -> None:
    with mq.Producer(broker.control, spool=tmp_path / "spool" if spooled else None) as producer:
        producer.send_many(TOPIC, [b"1", b"2"], produced=7)
        producer.send_many(TOPIC, [b"3"], produced=0)
        producer.send_many(TOPIC, [b"4"], produced=2**64 - 1)
        for wrong in (-1, 2**64):
            with pytest.raises(ValueError, match="produced is ns since 1970"):
                producer.send_many(TOPIC, [b"never"], produced=wrong)
    found = [(message.body, message.produced) for message in mq.replay(broker.control, TOPIC)]
    assert found == [(b"1", 7), (b"2", 7), (b"3", 0), (b"4", 2**64 - 1)]


def test_what_cannot_be_a_producer_is_refused_and_leaves_nothing() -> None:
    before = open_files()
    with pytest.raises(ValueError, match="durability"):
        mq.Producer(NOBODY, "perhaps")  # type: ignore[arg-type]
    for name in ("linger_s", "block_s_max", "deliver_s_max", "buffer_bytes_max"):
        for wrong in (-1, float("nan")):
            chosen: dict[str, Any] = {name: wrong}
            with pytest.raises(ValueError, match=name):
                mq.Producer(NOBODY, **chosen)
    for endpoint in ("", "here", "tcp://here", "tcp://here:99999", "ipc:///tmp/x"):
        with pytest.raises(BadEndpoint):
            mq.Producer(endpoint)
    assert open_files() <= before


# --- when the buffer is full --------------------------------------------------------------------------------------


def test_a_full_buffer_makes_send_wait_and_then_time_out() -> None:
    producer = Producer(NOBODY, buffer_bytes_max=10_000, block_s_max=0.2)
    sent: list[Ack] = []
    with pytest.raises(TimedOut) as raised:
        sent.extend(producer.send(TOPIC, bytes(1_000)) for _ in range(1_000))
    assert raised.value.seconds == 0.2
    assert 5 <= len(sent) <= 10
    with pytest.raises(TimedOut):
        producer.close(0)


def test_empty_records_fill_the_buffer_too() -> None:
    producer = Producer(NOBODY, buffer_bytes_max=100_000, block_s_max=0)
    with pytest.raises(TimedOut):
        deque((producer.send(TOPIC, b"") for _ in range(1_000)), maxlen=0)
    with pytest.raises(TimedOut):
        producer.close(0)


def test_a_record_larger_than_the_buffer_goes_out_alone(broker: BrokerProcess) -> None:
    with Producer(broker.control, "written", buffer_bytes_max=10) as producer:
        acks = [producer.send(TOPIC, bytes(1_000)) for _ in range(10)]
    assert [ack.result(0).offset for ack in acks] == list(range(10))


def test_a_waiting_send_goes_on_when_there_is_room(broker: BrokerProcess) -> None:
    with Producer(broker.control, "written", buffer_bytes_max=10_000) as producer:
        acks = [producer.send(TOPIC, bytes(1_000)) for _ in range(200)]
        assert [ack.result(PATIENCE_S).offset for ack in acks] == list(range(200))


# --- closing ------------------------------------------------------------------------------------------------------


def test_after_close_it_is_closed(broker: BrokerProcess) -> None:
    producer = mq.Producer(broker.control)
    producer.send(TOPIC, b"x")
    producer.close()
    producer.close()
    producer.flush(0)
    with pytest.raises(Closed):
        producer.send(TOPIC, b"x")
    with pytest.raises(Closed):
        producer.send_many(TOPIC, [b"x"])


def test_close_says_that_an_outcome_is_unknown_and_so_does_its_ack() -> None:
    producer = mq.Producer(NOBODY)
    ack = producer.send(TOPIC, b"x")
    began = time.monotonic()
    with pytest.raises(TimedOut):
        producer.close(0.2)
    assert time.monotonic() - began < 5
    with pytest.raises(TimedOut):
        ack.result(0)


def test_a_send_that_waits_for_room_ends_when_the_producer_is_closed() -> None:
    producer = Producer(NOBODY, buffer_bytes_max=1_000)
    producer.send(TOPIC, bytes(1_000))
    raised: list[MqError] = []

    def send() -> None:
        try:
            producer.send(TOPIC, bytes(1_000))
        except MqError as error:
            raised.append(error)

    thread = threading.Thread(target=send)
    thread.start()
    with pytest.raises(TimedOut):
        producer.close(0.1)
    thread.join(PATIENCE_S)
    assert [type(error) for error in raised] == [Closed]


def test_several_threads_may_close_it(broker: BrokerProcess) -> None:
    producer = mq.Producer(broker.control, "written")
    ack = producer.send(TOPIC, b"x")
    raised: list[BaseException] = []

    def close() -> None:
        try:
            producer.close()
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is wrong
            raised.append(error)

    threads = [threading.Thread(target=close) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert raised == []
    assert ack.result(0).offset == 0


def send_and_raise(producer: Producer, patience_s: float = 0) -> None:
    """Send, wait for the answer if there is time, and raise what has the ack in it."""
    ack = producer.send(TOPIC, b"x")
    if patience_s:
        ack.result(patience_s)
    raise KeyError(ack)


def test_an_exception_in_the_block_is_what_comes_out_with_a_note_of_what_is_unknown() -> None:
    began = time.monotonic()
    with pytest.raises(KeyError) as raised, mq.Producer(NOBODY) as producer:
        send_and_raise(producer)
    ack = raised.value.args[0]
    assert time.monotonic() - began < 5
    assert "unknown" in raised.value.__notes__[0]
    assert ack.done


def test_an_exception_after_all_is_answered_comes_without_a_note(broker: BrokerProcess) -> None:
    with pytest.raises(KeyError) as raised, mq.Producer(broker.control) as producer:
        send_and_raise(producer, PATIENCE_S)
    assert not hasattr(raised.value, "__notes__")


def test_no_thread_and_no_socket_is_left(broker: BrokerProcess) -> None:
    with mq.Producer(broker.control) as producer:
        producer.send(TOPIC, b"x").result(PATIENCE_S)
    before, threads = open_files(), threading.active_count()
    for _ in range(10):
        with mq.Producer(broker.control, "written") as producer:
            producer.send(TOPIC, b"x")
    assert open_files() <= before
    assert threading.active_count() == threads


# --- frames -------------------------------------------------------------------------------------------------------


def test_what_is_sent_together_shares_frames_of_so_many_records_and_bytes(broker: BrokerProcess) -> None:
    with mq.Producer(broker.control, "written", linger_s=PATIENCE_S) as producer:
        for _ in range(2_500):
            producer.send(TOPIC, b"")
        for _ in range(10):
            producer.send("large", bytes(20_000))
    assert [header.count for header in headers(broker)] == [1_000, 1_000, 500]
    assert [header.count for header in headers(broker, "large")] == [3, 3, 3, 1]


def test_who_waits_for_an_answer_does_not_wait_for_more_records(broker: BrokerProcess) -> None:
    with mq.Producer(broker.control, "written", linger_s=60) as producer:
        began = time.monotonic()
        for number in range(20):
            assert producer.send(TOPIC, b"x").result(PATIENCE_S).offset == number
        producer.send(TOPIC, b"x")
        producer.flush(PATIENCE_S)
        assert time.monotonic() - began < PATIENCE_S


def test_a_record_leaves_when_it_has_lingered(broker: BrokerProcess) -> None:
    with mq.Producer(broker.control, "written") as producer:
        ack = producer.send(TOPIC, b"x")
        eventually(lambda: ack.done)


@pytest.mark.parametrize("linger_s", [0, 0.005])
def test_bodies_are_compressed_where_that_pays(broker: BrokerProcess, linger_s: float) -> None:
    noise, text = os.urandom(1_000), b"all work and no play " * 100
    with mq.Producer(broker.control, "written", linger_s=linger_s, compress=True) as producer:
        for body in (noise, text, b"a" * 63):
            producer.send(TOPIC, body).result(PATIENCE_S)
        producer.send_many(TOPIC, [text] * 1_000).result(PATIENCE_S)
        with pytest.raises(TooLarge) as raised:
            producer.send(TOPIC, bytes((16 << 20) + 1))
        assert raised.value.limit == 16 << 20
    assert [body_kind(header.flags)[1] for header in headers(broker)] == [0, 1, 0, 1]
    assert headers(broker)[3].length < 10_000
    bodies = [message.body for message in mq.replay(broker.control, TOPIC)]
    assert bodies == [noise, text, b"a" * 63, *[text] * 1_000]


def test_compressing_without_zstd_is_refused_at_once_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = open_files()
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(CodecMissing, match=r"pip install 'minimq\[zstd\]'"):
        mq.Producer(NOBODY, compress=True)
    assert open_files() <= before


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # that is what this is about
def test_in_a_forked_process_it_says_so_and_the_parents_goes_on(broker: BrokerProcess) -> None:
    with mq.Producer(broker.control, "written", linger_s=60) as producer:
        early = producer.send(TOPIC, b"0")
        child = multiprocessing.get_context("fork").Process(target=misuse, args=(producer, early))
        child.start()
        child.join(PATIENCE_S)
        assert child.exitcode == 0
        assert early.result(PATIENCE_S).offset == 0
        assert producer.send(TOPIC, b"1").result(PATIENCE_S).offset == 1


def misuse(producer: mq.Producer, ack: Ack) -> None:
    """Use a producer in a process that it was not made in: each way is refused, and closing does nothing."""
    for way in (
        lambda: producer.send(TOPIC, b"x"),
        lambda: producer.send_many(TOPIC, [b"x"]),
        lambda: producer.flush(1),
        lambda: ack.result(1),
    ):
        with pytest.raises(Closed, match="after the fork"):
            way()
    producer.close()


# --- a broker that says each thing that it may --------------------------------------------------------------------


def test_busy_in_the_middle_sends_the_producer_back_and_keeps_the_order(fake: StartFake) -> None:
    model, busy = Model(), iter([False, True, False, False, True])
    broker = fake(lambda frame: answers(model.turn([bytes_of(frame)], busy=int(next(busy, False)))))
    with mq.Producer(broker.control, "written", linger_s=60) as producer:
        acks = [producer.send_many(TOPIC, [b"%d" % number] * 1_000) for number in range(10)]
        assert [ack.result(PATIENCE_S).offset for ack in acks] == [1_000 * number - 1 for number in range(1, 11)]
    assert model.log == [b"%d" % number for number in range(10) for _ in range(1_000)]


@pytest.mark.parametrize("reason", ["disk_full", "too_large", "a_new_word"])
def test_a_final_refusal_fails_one_and_what_is_behind_it_goes_on_under_a_new_id(fake: StartFake, reason: str) -> None:
    model, fails = Model(), iter(["", reason])
    broker = fake(lambda frame: answers(model.turn([bytes_of(frame)], fails=next(fails, ""))))
    with mq.Producer(broker.control, "written", linger_s=60) as producer:
        acks = [producer.send_many(TOPIC, [b"%d" % number] * 1_000) for number in range(5)]
        found = [outcome(ack) for ack in acks]
    refused = found.pop(1)
    assert isinstance(refused, Refused)
    assert refused.reason == reason
    assert found == [999, 1_999, 2_999, 3_999]
    assert model.log == [b"%d" % number for number in (0, 2, 3, 4) for _ in range(1_000)]
    assert len({sent.producer for sent in model.frames}) == 2


@pytest.mark.parametrize("reason", ["journal_failed", "sequence_overlaps"])
def test_a_refusal_after_which_nobody_knows_says_so(fake: StartFake, reason: str) -> None:
    model, fails = Model(), iter(["journal_failed"])

    def answer(frame: Control | bytes) -> list[Control]:
        found = answers(model.turn([bytes_of(frame)], fails=next(fails, "")))
        return [replace(each, reason=reason) if isinstance(each, Nack) else each for each in found]

    with mq.Producer(fake(answer).control, "written") as producer:
        with pytest.raises(Refused, match="unknown") as raised:
            producer.send(TOPIC, b"0").result(PATIENCE_S)
        assert raised.value.reason == reason
        assert producer.send(TOPIC, b"1").result(PATIENCE_S).offset == 1
    assert len({sent.producer for sent in model.frames}) == 2


def test_what_a_broker_without_memory_refuses_at_the_first_attempt_goes_again_under_a_new_id(fake: StartFake) -> None:
    model = Model()
    broker = fake(lambda frame: answers(model.turn([bytes_of(frame)])))
    with mq.Producer(broker.control, "written") as producer:
        producer.send(TOPIC, b"0").result(PATIENCE_S)
        model.frames.clear()
        model.restart()
        assert producer.send(TOPIC, b"1").result(PATIENCE_S).offset == 1
    assert model.log == [b"0", b"1"]


def test_what_the_broker_acknowledged_and_lost_again_does_not_stop_what_comes_after(fake: StartFake) -> None:
    model = Model()
    broker = fake(lambda frame: answers(model.turn([bytes_of(frame)])))
    with mq.Producer(broker.control, "written") as producer:
        for number in range(3):
            producer.send(TOPIC, b"%d" % number).result(PATIENCE_S)
        model.cut(1)
        assert producer.send(TOPIC, b"3").result(PATIENCE_S).offset == 2
    assert model.log == [b"0", b"1", b"3"]


# --- a broker that is none ----------------------------------------------------------------------------------------


def key_of(frame: Control | bytes) -> tuple[str, int, int]:
    assert isinstance(frame, bytes)
    found = parse(stamp(check(frame), 0, 0, 0))
    return found.topic, found.header.producer, found.header.sequence


def bytes_of(frame: Control | bytes) -> bytes:
    assert isinstance(frame, bytes)
    return frame


def answers(found: list[Answer]) -> list[Control]:
    """Return the model's answers as they travel."""
    return [each if isinstance(each, Nack) else Acks(0, [[TOPIC, *each, 1]]) for each in found]


NONSENSE = {
    "no rows": [],
    "a row of nothing": [[]],
    "a row that is none": [None],
    "a row too long": [["a", 1, 2, 3, 4, 5]],
    "a topic that is a list": [[["a"], 1, 2, 3, 1]],
    "numbers that are none": [["a", "b", "c", "d", "e"]],
}


@pytest.mark.parametrize("rows", NONSENSE.values(), ids=NONSENSE)
def test_acknowledgements_that_make_no_sense_are_ignored(fake: StartFake, rows: list[object]) -> None:
    broker = fake(lambda frame: [Acks(0, rows), Acks(0, [[*key_of(frame), 41, 1]])])
    with mq.Producer(broker.control) as producer:
        assert producer.send(TOPIC, b"x").result(PATIENCE_S).offset == 41
        assert producer.send(TOPIC, b"x").result(PATIENCE_S).offset == 41


@pytest.mark.parametrize(("offset", "level"), [("x", 1), (None, 2), (1, 3), (1, 0), (1, None), (1, [])])
def test_an_acknowledgement_of_nonsense_is_not_taken_for_one(fake: StartFake, offset: object, level: object) -> None:
    broker = fake(lambda frame: [Acks(0, [[*key_of(frame), offset, level]]), Nack(0, "told", "", *key_of(frame))])
    with mq.Producer(broker.control) as producer, pytest.raises(Refused, match="told"):
        producer.send(TOPIC, b"x").result(PATIENCE_S)


def test_an_acknowledgement_for_what_was_not_sent_changes_nothing(fake: StartFake) -> None:
    def answer(frame: Control | bytes) -> list[Control]:
        topic, producer, sequence = key_of(frame)
        wrong = [[topic, producer, sequence + 1, 7, 1], [topic, producer + 1, sequence, 7, 1], ["b", producer, 0, 7, 1]]
        return [Acks(0, wrong), Nack(0, "no", "", "b", producer, 0), Nack(0, "no", "")]

    broker = fake(answer)
    producer = mq.Producer(broker.control)
    ack = producer.send(TOPIC, b"x")
    eventually(lambda: broker.heard)
    with pytest.raises(TimedOut):
        ack.result(0.3)
    with pytest.raises(TimedOut):
        producer.close(0)


def test_an_answer_twice_counts_once(fake: StartFake) -> None:
    def answer(frame: Control | bytes) -> list[Control]:
        return [Acks(0, [[*key_of(frame), 7, 1]]), Nack(0, "no", "", *key_of(frame))] * 2

    broker = fake(answer)
    with mq.Producer(broker.control) as producer:
        for _ in range(10):
            assert producer.send(TOPIC, b"x").result(PATIENCE_S).offset == 7
        producer.flush(PATIENCE_S)


def test_a_bug_in_its_thread_fails_what_waits_instead_of_hanging(
    broker: BrokerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bug(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("mq.client.sender.seal", bug)
    producer = mq.Producer(broker.control)
    ack = producer.send(TOPIC, b"x")
    with pytest.raises(MqError):
        ack.result(PATIENCE_S)
    with pytest.raises(MqError):
        eventually(lambda: producer.send(TOPIC, b"x").done, 5)
    producer.close()


def test_who_gives_up_while_the_broker_takes_nothing_says_what_it_said_last(start_broker: StartBroker) -> None:
    """As that its disk has too little free, which somebody can do something about."""
    broker = start_broker(MINIMQ_DISK_FREE_BYTES_MIN=str(1 << 60))
    with pytest.raises(NotStored, match="the disk has"), mq.Producer(broker.control, deliver_s_max=0.5) as producer:
        producer.send(TOPIC, b"x").result(PATIENCE_S)
    with (
        suppress(NotStored),
        mq.Producer(broker.control, deliver_s_max=5, block_s_max=0.1, buffer_bytes_max=100) as producer,
    ):
        ack = producer.send(TOPIC, b"x")

        def is_told() -> bool:
            with pytest.raises(TimedOut) as caught:
                ack.result(0.1)
            return "the disk has" in str(caught.value)

        eventually(is_told)
        with pytest.raises(NotStored, match="the disk has"):
            producer.send(TOPIC, bytes(100))
