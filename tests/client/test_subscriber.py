"""Hearing topics: history, then live; every offset once and in order, whatever happens on the way."""

from __future__ import annotations

import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice

import psutil
import pytest
import zmq
from broker_process import BrokerProcess
from client_kit import EPOCH, StartFake, fakes, later_epoch, open_files, stamped
from conftest import SocketFactory
from waiting import eventually

import mq
from mq.client import conversation, following, live
from mq.client.link import Link
from mq.client.message import Batch, Message
from mq.client.subscriber import Start, Subscriber
from mq.errors import BadEndpoint, BadPattern, Closed, Gap, Refused, Rewound, Trimmed
from mq.frame import UNSTORED, encode
from mq.protocol import Control, Failure, Fetch, Frames, HeadList, Heads, Hello, OffsetAt, OffsetFound

TOPIC = "host/n1/cpu"
NOBODY = "tcp://127.0.0.1:1"
PATIENCE_S = 20.0
SILENCE_S = 0.3


@pytest.fixture
def fake() -> Iterator[StartFake]:
    with fakes() as start:
        yield start


def fill(broker: BrokerProcess, count: int, topic: str = TOPIC, first: int = 0) -> list[bytes]:
    """Produce numbered records, each acknowledged; return their bodies."""
    bodies = [b"%d" % number for number in range(first, first + count)]
    with mq.Producer(broker.control, "written") as producer:
        for body in bodies:
            producer.send(topic, body)
    return bodies


def take(subscriber: Subscriber, count: int) -> list[Message]:
    """Return the next so many messages."""
    found: list[Message] = []
    while len(found) < count:
        message = subscriber.receive(PATIENCE_S)
        assert message is not None, f"silence after {len(found)} of {count}"
        found.append(message)
    return found


def memory_bytes() -> int:
    resident: int = psutil.Process().memory_info().rss
    return resident


def offsets(messages: list[Message]) -> list[int | None]:
    return [message.offset for message in messages]


def assert_silence(subscriber: Subscriber) -> None:
    assert subscriber.receive(SILENCE_S) is None


def begun(subscriber: Subscriber) -> Subscriber:
    """Return it once it has begun to listen: what is sent from now on is live for it."""
    eventually(lambda: subscriber.receive(0.01) is None and subscriber._tracker._listed)
    return subscriber


@contextmanager
def pushing(broker: BrokerProcess, topic: str = TOPIC) -> Iterator[Callable[[], int]]:
    """Produce numbered records without a pause; what is yielded ends that, and returns how many were acknowledged."""
    ending = threading.Event()
    sent: list[mq.Ack] = []

    def run() -> None:
        with mq.Producer(broker.control, "written") as producer:
            while not ending.is_set():
                sent.append(producer.send(topic, b"%d" % len(sent)))
                sent[-1].result(PATIENCE_S)

    thread = threading.Thread(target=run)
    thread.start()

    def end() -> int:
        ending.set()
        thread.join()
        return len(sent)

    try:
        yield end
    finally:
        end()


# --- history, then live -------------------------------------------------------------------------------------------


def test_history_then_live_every_offset_once_and_in_order(broker: BrokerProcess) -> None:
    fill(broker, 1_000)
    with pushing(broker) as end, mq.Subscriber(broker.control, "host/#", start=0) as subscriber:
        found = take(subscriber, 3_000)
        total = 1_000 + end()
        found += take(subscriber, total - len(found))
        assert_silence(subscriber)
    assert offsets(found) == list(range(total))
    assert [message.body for message in found[1_000:]] == [b"%d" % number for number in range(total - 1_000)]
    assert {message.topic for message in found} == {TOPIC}
    assert all(message.produced <= message.time for message in found)


CHOICES: list[tuple[str | list[str], set[str]]] = [
    ("a/x", {"a/x"}),
    ("a/+", {"a/x", "a/y"}),
    ("a/#", {"a", "a/x", "a/y", "a/x/z"}),
    ("#", {"a", "a/x", "a/y", "a/x/z", "ab/x"}),
    ("+/x", {"a/x", "ab/x"}),
    (["a/x", "ab/#"], {"a/x", "ab/x"}),
    (["a/x", "a/+", "a/#"], {"a", "a/x", "a/y", "a/x/z"}),
]


def test_patterns_choose_in_history_and_live_each_record_once(broker: BrokerProcess) -> None:
    topics = ["a", "a/x", "a/y", "a/x/z", "ab/x"]
    for topic in topics:
        fill(broker, 3, topic)
    with ExitStack() as stack:
        subscribers = [stack.enter_context(mq.Subscriber(broker.control, patterns, 0)) for patterns, _ in CHOICES]
        found = [take(each, 3 * len(heard)) for each, (_, heard) in zip(subscribers, CHOICES, strict=True)]
        for each in subscribers:
            begun(each)
        for topic in topics:
            fill(broker, 3, topic, 3)
        for each, messages, (_, heard) in zip(subscribers, found, CHOICES, strict=True):
            messages.extend(take(each, 3 * len(heard)))
        for each in subscribers:
            assert each.receive(0.01) is None
    for messages, (patterns, heard) in zip(found, CHOICES, strict=True):
        by_topic = {topic: [each.offset for each in messages if each.topic == topic] for topic in heard}
        assert {message.topic for message in messages} == heard, patterns
        assert by_topic == {topic: list(range(6)) for topic in heard}, patterns


def test_topics_that_appear_later_are_heard_from_their_beginning(broker: BrokerProcess) -> None:
    with mq.Subscriber(broker.control, "late/#") as subscriber:
        begun(subscriber)
        for number in range(20):
            fill(broker, 5, f"late/{number}")
        found = take(subscriber, 100)
        assert_silence(subscriber)
    for number in range(20):
        assert [each.offset for each in found if each.topic == f"late/{number}"] == [0, 1, 2, 3, 4]


STARTS: list[tuple[Start, int]] = [
    *((0, 0), (7, 7), ("live", 10)),
    *((timedelta(hours=1), 0), (datetime(2020, 1, 1, tzinfo=UTC), 0), (timedelta(), 10)),
]


def test_the_start_says_where_history_begins(broker: BrokerProcess) -> None:
    for number, (start, first) in enumerate(STARTS):
        topic = f"start/{number}"
        fill(broker, 10, topic)
        with mq.Subscriber(broker.control, topic, start) as subscriber:
            found = take(subscriber, 10 - first)
            begun(subscriber)
            fill(broker, 2, topic, first=10)
            found += take(subscriber, 2)
        assert offsets(found) == list(range(first, 12)), start


def test_a_start_in_the_middle_by_time(broker: BrokerProcess) -> None:
    fill(broker, 5)
    times = [message.time for message in mq.replay(broker.control, TOPIC)]
    eventually(lambda: time.time_ns() > times[-1] + 2_000)
    moment = datetime.now(UTC)
    fill(broker, 5, first=5)
    with mq.Subscriber(broker.control, TOPIC, moment) as subscriber:
        assert offsets(take(subscriber, 5)) == [5, 6, 7, 8, 9]


@pytest.mark.parametrize(
    ("start", "first"),
    [
        (datetime.min, 0),
        (datetime.min.replace(tzinfo=UTC), 0),
        (timedelta.max, 0),
        (datetime.max, None),
        (datetime.max.replace(tzinfo=UTC), None),
        (timedelta.min, None),
    ],
)
def test_a_time_beyond_all_times_is_the_beginning_or_the_end(
    broker: BrokerProcess, start: datetime | timedelta, first: int | None
) -> None:
    fill(broker, 2)
    with mq.Subscriber(broker.control, "host/#", start) as subscriber:
        if first is None:
            assert_silence(subscriber)
            fill(broker, 1, first=2)
        assert take(subscriber, 1)[0].offset == (2 if first is None else 0)


def test_whole_batches_are_what_was_sent_at_once(broker: BrokerProcess) -> None:
    with mq.Producer(broker.control, "written") as producer:
        producer.send_many(TOPIC, [b"0", b"1", b"2"]).result(PATIENCE_S)
        producer.send_many(TOPIC, [b"3", b"4"])
    with mq.Subscriber(broker.control, TOPIC, 1) as subscriber:
        first, second = subscriber.receive_batch(PATIENCE_S), subscriber.receive_batch(PATIENCE_S)
    assert isinstance(first, Batch)
    assert isinstance(second, Batch)
    assert (first.offset, first.records) == (1, [b"1", b"2"])
    assert (second.offset, second.records) == (3, [b"3", b"4"])


def test_it_is_an_iterator(broker: BrokerProcess) -> None:
    fill(broker, 3)
    with mq.Subscriber(broker.control, TOPIC, 0) as subscriber:
        assert offsets(list(islice(subscriber, 3))) == [0, 1, 2]


# --- losses -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("hwm", "count"), [(1, 40_000), (10, 200_000)])
def test_with_a_small_window_under_a_flood_every_offset_comes_once_silence_or_not(
    broker: BrokerProcess, socket: SocketFactory, monkeypatch: pytest.MonkeyPatch, hwm: int, count: int
) -> None:
    """What libzmq dropped before the silence is found by the ends, and fetched."""
    monkeypatch.setattr(following, "HEADS_EVERY_S", 0.3)
    push = socket(zmq.PUSH)
    push.connect(broker.ingest)
    with mq.Subscriber(broker.control, "host/#", receive_hwm=hwm) as subscriber:
        begun(subscriber)
        push.send(encode(TOPIC, [b"0" + bytes(200)], produced=1))
        found = take(subscriber, 1)  # from then on it knows the topic, and hears it live
        for number in range(1, count):
            push.send(encode(TOPIC, [b"%d" % number + bytes(200)], produced=1))
        found += take(subscriber, count - 1)
        assert_silence(subscriber)
        assert subscriber.repaired > 0
    assert offsets(found) == list(range(count))
    assert [int(message.body.partition(b"\0")[0]) for message in found] == list(range(count))


def test_the_smallest_window_does_not_cost_a_subscription(broker: BrokerProcess) -> None:
    with mq.Subscriber(broker.control, ["a/#", "b/#", "c/#"], receive_hwm=1) as subscriber:
        begun(subscriber)
        for topic in ("a", "a/x", "b", "b/x", "c", "c/x"):
            fill(broker, 1, topic)
            assert [(each.topic, each.offset) for each in take(subscriber, 1)] == [(topic, 0)]
        assert subscriber.repaired == 0


def test_a_backlog_of_any_size_takes_little_memory(broker: BrokerProcess) -> None:
    """What waits here is what one asking brought; what comes live behind it does not pile up."""
    size, count = 256 << 10, 800
    with mq.Producer(broker.control, "written", buffer_bytes_max=1 << 20) as producer:
        for _ in range(count):
            producer.send(TOPIC, bytes(size))
        producer.flush()
        with mq.Subscriber(broker.control, "host/#", start=0) as subscriber:
            take(subscriber, 1)
            before, most = memory_bytes(), 0
            for offset in range(1, count):
                assert offsets(take(subscriber, 1)) == [offset]
                producer.send(TOPIC, bytes(size))
                most = max(most, memory_bytes())
    assert most - before < size * count // 8


def test_large_frames_that_wait_to_be_taken_take_no_more_memory_than_small_ones(
    broker: BrokerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A window counts frames; when they are large it is narrowed, and what did not fit is fetched."""
    monkeypatch.setattr(live, "LIVE_BYTES_WAITING", 8 << 20)
    size, count = 512 << 10, 400
    with mq.Subscriber(broker.control, "host/#") as subscriber, mq.Producer(broker.control, "written") as producer:
        begun(subscriber)
        producer.send(TOPIC, bytes(size))
        take(subscriber, 1)
        before = memory_bytes()
        for _ in range(count):
            producer.send(TOPIC, bytes(size)).result(PATIENCE_S)
        assert memory_bytes() - before < size * count // 4
        assert offsets(take(subscriber, count)) == list(range(1, count + 1))


def test_when_nothing_was_lost_nothing_is_repaired(broker: BrokerProcess) -> None:
    with mq.Subscriber(broker.control, "host/#") as subscriber:
        begun(subscriber)
        for number in range(3):
            fill(broker, 50, first=50 * number)
            take(subscriber, 50)
        assert subscriber.repaired == 0


def test_through_a_kill_and_a_restart_every_offset_comes_once(broker: BrokerProcess) -> None:
    fill(broker, 100)
    with mq.Subscriber(broker.control, "host/#", start=0) as subscriber:
        found = take(subscriber, 100)
        for number in range(1, 3):
            fill(broker, 100, first=100 * number)
            broker.kill()
            broker.restart()
            fill(broker, 100, f"{TOPIC}/more", 100 * (number - 1))
            found += take(subscriber, 200)
        assert_silence(subscriber)
    assert [each.offset for each in found if each.topic == TOPIC] == list(range(300))
    assert [each.offset for each in found if each.topic != TOPIC] == list(range(200))


def test_a_topic_that_is_deleted_and_begins_anew_goes_on(broker: BrokerProcess) -> None:
    """Who was up to date misses nothing and is told nothing; who comes later is told what is gone."""
    fill(broker, 100)
    with mq.Subscriber(broker.control, "host/#", start=0) as subscriber, Link(broker.control) as link:
        found = take(subscriber, 100)
        for number in range(1, 4):
            assert link.delete([TOPIC]) == [TOPIC]
            if number == 2:
                broker.kill()
                broker.restart()
            fill(broker, 50, first=50 + 50 * number)
            found += take(subscriber, 50)
        assert_silence(subscriber)
    assert offsets(found) == list(range(250))
    with mq.Subscriber(broker.control, "host/#", start=0) as subscriber:
        with pytest.raises(Trimmed) as caught:
            subscriber.receive(20)
        assert caught.value.first_kept == 200
        assert offsets(take(subscriber, 50)) == list(range(200, 250))


def test_under_load_through_kills_what_comes_is_what_the_journal_holds(broker: BrokerProcess) -> None:
    ending = threading.Event()

    def run() -> None:
        with mq.Producer(broker.control, "written") as producer:
            while not ending.is_set():
                for _ in range(50):
                    producer.send(TOPIC, b"x")
                producer.flush(PATIENCE_S)

    thread = threading.Thread(target=run)
    with mq.Subscriber(broker.control, "host/#", start=0) as subscriber:
        thread.start()
        try:
            found = take(subscriber, 1_000)
            for _ in range(2):
                broker.kill()
                broker.restart()
                found += take(subscriber, 1_000)
        finally:
            ending.set()
            thread.join()
        held = list(mq.replay(broker.control, TOPIC))
        found += take(subscriber, len(held) - len(found))
        assert_silence(subscriber)
    assert found == held


# --- a broker that is not there -----------------------------------------------------------------------------------


def test_with_no_broker_it_waits_and_goes_on_when_there_is_one(broker: BrokerProcess) -> None:
    fill(broker, 3)
    broker.kill()
    with mq.Subscriber(broker.control, TOPIC, 0) as subscriber:
        assert subscriber.receive(0.1) is None
        assert not subscriber.connected
        broker.restart()
        assert offsets(take(subscriber, 3)) == [0, 1, 2]
        assert subscriber.connected


def test_connected_says_whether_the_broker_answers(broker: BrokerProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "ANSWER_S_MAX", 1.5)
    with mq.Subscriber(broker.control, TOPIC) as subscriber:
        assert not subscriber.connected
        eventually(lambda: subscriber.receive(0.01) is None and subscriber.connected)
        broker.signal(signal.SIGSTOP)
        eventually(lambda: subscriber.receive(0.01) is None and not subscriber.connected)
        broker.signal(signal.SIGCONT)
        eventually(lambda: subscriber.receive(0.01) is None and subscriber.connected)
        fill(broker, 1)
        assert offsets(take(subscriber, 1)) == [0]


def test_the_brokers_clock_is_known_and_that_of_an_older_one_is_not_missed(fake: StartFake) -> None:
    """An hour ahead, say: whoever judges by time must know."""
    hour_ns = 3_600_000_000_000
    told = [hour_ns, 0]

    def answer(request: Control | bytes) -> Iterator[Control]:
        if isinstance(request, Hello):
            yield broker.welcome(request.id)
        if isinstance(request, Heads):
            ahead = told.pop(0) if len(told) > 1 else told[0]
            yield HeadList(request.id, [], 1, time=time.time_ns() + ahead if ahead else 0)

    broker = fake(answer)
    with mq.Subscriber(broker.control, "#") as subscriber:
        eventually(lambda: subscriber.receive(0.05) is None and subscriber.clock_ahead_ns != 0)
        assert abs(subscriber.clock_ahead_ns - hour_ns) < PATIENCE_S * 1e9
        eventually(lambda: subscriber.receive(SILENCE_S) is None and subscriber.clock_ahead_ns == 0)


def test_on_another_journal_it_is_rewound_and_goes_on_with_what_that_holds(broker: BrokerProcess) -> None:
    fill(broker, 10)
    with mq.Subscriber(broker.control, "host/#", start=0) as subscriber:
        take(subscriber, 10)
        broker.kill()
        later_epoch()
        shutil.rmtree(broker.data)
        broker.restart()
        fill(broker, 3, first=100)
        with pytest.raises(Rewound) as raised:
            take(subscriber, 1)
        assert (raised.value.topic, raised.value.wanted, raised.value.end) == (TOPIC, 10, 0)
        found = take(subscriber, 3)
        assert [(each.offset, each.body) for each in found] == [(0, b"100"), (1, b"101"), (2, b"102")]
        fill(broker, 1, first=103)
        assert offsets(take(subscriber, 1)) == [3]


@pytest.mark.slow
def test_an_empty_journal_in_the_place_of_a_full_one_is_told_without_a_new_record(broker: BrokerProcess) -> None:
    fill(broker, 10)
    with mq.Subscriber(broker.control, "host/#", start=0) as subscriber:
        take(subscriber, 10)
        broker.kill()
        assert subscriber.receive(2.0) is None
        shutil.rmtree(broker.data)
        broker.restart()
        with pytest.raises(Rewound) as raised:
            take(subscriber, 1)
        assert raised.value.end == 0


def test_damage_is_a_gap_and_what_is_behind_it_follows(broker: BrokerProcess) -> None:
    fill(broker, 100)
    broker.stop()
    (segment,) = (broker.data / "topics" / TOPIC).glob("@*.log")
    with segment.open("r+b") as file:
        file.seek(segment.stat().st_size // 2)
        file.write(bytes(200))
    broker.restart()
    with mq.Subscriber(broker.control, TOPIC, 0) as subscriber:
        found: list[Message] = []
        with pytest.raises(Gap) as raised:
            found.extend(subscriber)
        assert offsets(found) == list(range(raised.value.first))
        rest = take(subscriber, 100 - raised.value.next)
        assert offsets(rest) == list(range(raised.value.next, 100))


# --- using it -----------------------------------------------------------------------------------------------------


def test_a_timeout_returns_none_in_time(broker: BrokerProcess) -> None:
    with mq.Subscriber(broker.control, TOPIC) as subscriber:
        for timeout in (0.0, 0.2, 0.5):
            began = time.monotonic()
            assert subscriber.receive(timeout) is None
            assert timeout <= time.monotonic() - began < timeout + 1


def test_asking_without_waiting_gets_there_in_the_end(broker: BrokerProcess) -> None:
    fill(broker, 3)
    with mq.Subscriber(broker.control, TOPIC, 0) as subscriber:
        assert [eventually(lambda: subscriber.receive(0)) for _ in range(3)] == list(mq.replay(broker.control, TOPIC))


def test_after_close_it_is_closed(broker: BrokerProcess) -> None:
    subscriber = mq.Subscriber(broker.control, TOPIC)
    subscriber.close()
    subscriber.close()
    with pytest.raises(Closed):
        subscriber.receive(0)
    with pytest.raises(Closed):
        next(subscriber)


def test_nothing_is_left_behind(broker: BrokerProcess) -> None:
    before, threads = open_files(), threading.active_count()
    for _ in range(5):
        with mq.Subscriber(broker.control, "#") as subscriber:
            begun(subscriber)
    assert open_files() <= before
    assert threading.active_count() == threads


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"broker": "nowhere"}, BadEndpoint),
        ({"patterns": "a/#/b"}, BadPattern),
        ({"patterns": ["a", ""]}, BadPattern),
        ({"patterns": []}, ValueError),
        ({"patterns": ["a"] * 257}, ValueError),
        ({"receive_hwm": 0}, ValueError),
        ({"receive_hwm": -1}, ValueError),
        ({"start": "yesterday"}, ValueError),
        ({"start": -1}, ValueError),
        ({"start": 2**64}, ValueError),
        ({"start": True}, ValueError),
        ({"start": 1.5}, ValueError),
        ({"start": float("nan")}, ValueError),
        ({"start": b"live"}, ValueError),
    ],
)
def test_what_cannot_be_asked_is_refused_at_once_and_leaves_nothing(
    arguments: dict[str, object], error: type[Exception]
) -> None:
    before = open_files()
    with pytest.raises(error):
        Subscriber(**{"broker": NOBODY, "patterns": "#", **arguments})  # type: ignore[arg-type]
    assert open_files() <= before


# --- a broker that is none ----------------------------------------------------------------------------------------


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the ends be asked for often, so that nobody waits for that."""
    monkeypatch.setattr(following, "HEADS_EVERY_S", 0.05)


class Play:
    """A fake broker's part: one topic of so many records, and a refusal where the test wants one."""

    def __init__(self, start: StartFake, records: int = 3) -> None:
        self.records = records
        self.failures: dict[type[Control], list[Failure]] = {}
        self.gate = threading.Event()
        self.gate.set()
        self.broker = start(self.answer)

    def answer(self, request: Control | bytes) -> Iterator[Control]:
        """Answer as a broker would, once the failures for this kind of question are used up."""
        assert isinstance(request, Control)
        if failures := self.failures.get(type(request)):
            failure = failures.pop(0)
            yield Failure(request.id, failure.error, failure.detail, failure.facts)
        elif isinstance(request, Hello):
            yield self.broker.welcome(request.id)
        elif isinstance(request, Heads):
            self.gate.wait(PATIENCE_S)
            yield HeadList(request.id, [[TOPIC, self.records, EPOCH]] if self.records else [], 1)
        elif isinstance(request, OffsetAt):
            yield OffsetFound(request.id, TOPIC, 0)
        elif isinstance(request, Fetch):
            data = b"".join(stamped(TOPIC, b"", offset=each) for each in range(request.offset, self.records))
            yield Frames(request.id, TOPIC, data, self.records, EPOCH, self.records)

    def heard(self, kind: type[Control]) -> int:
        """Return how many questions of this kind were asked."""
        return sum(isinstance(each, kind) for each in self.broker.heard)


def test_unstored_records_have_no_offset(fake: StartFake) -> None:
    play = Play(fake, records=0)
    with mq.Subscriber(play.broker.control, "host/#") as subscriber:
        begun(subscriber)
        assert play.broker.live.recv()[:1] == b"\1"
        play.broker.live.send(stamped(TOPIC, b"unstored", offset=UNSTORED, epoch=0))
        play.broker.live.send(stamped(TOPIC, b"stored", offset=0))
        found = take(subscriber, 2)
    assert [(each.offset, each.body) for each in found] == [(None, b"unstored"), (0, b"stored")]


def test_rubbish_on_live_is_passed_over(fake: StartFake) -> None:
    play = Play(fake, records=0)
    with mq.Subscriber(play.broker.control, "#") as subscriber:
        begun(subscriber)
        play.broker.live.recv()
        good, bad = stamped(TOPIC, b"0", offset=0), bytearray(stamped(TOPIC, b"1", offset=1))
        bad[-1] ^= 1
        for message in (b"", b"rubbish", good, bytes(bad), bad[:-3], stamped(TOPIC, b"1", offset=1)):
            play.broker.live.send(bytes(message))
        assert [each.body for each in take(subscriber, 2)] == [b"0", b"1"]


@pytest.mark.parametrize("kind", [Heads, Fetch, OffsetAt])
def test_busy_is_tried_again_and_never_seen(fake: StartFake, often: None, kind: type[Control]) -> None:
    play = Play(fake)
    play.failures[kind] = [Failure(0, "busy", "")] * 2
    with mq.Subscriber(play.broker.control, "#", timedelta(hours=1)) as subscriber:
        assert offsets(take(subscriber, 3)) == [0, 1, 2]
    assert play.failures[kind] == []


@pytest.mark.parametrize("kind", [Heads, Fetch, OffsetAt])
def test_a_refusal_is_told_and_the_next_try_goes_on(fake: StartFake, often: None, kind: type[Control]) -> None:
    play = Play(fake)
    play.failures[kind] = [Failure(0, "failed", "why")]
    with mq.Subscriber(play.broker.control, "#", timedelta(hours=1)) as subscriber:
        with pytest.raises(Refused, match="failed"):
            take(subscriber, 1)
        assert offsets(take(subscriber, 3)) == [0, 1, 2]


def test_a_refusal_of_the_ends_is_no_end_of_asking_for_them(fake: StartFake, often: None) -> None:
    play = Play(fake)
    with mq.Subscriber(play.broker.control, "#", 0) as subscriber:
        take(subscriber, 3)
        play.failures[Heads] = [Failure(0, "busy", "")]
        eventually(lambda: subscriber.receive(0.01) is None and not play.failures[Heads])
        play.records = 5
        assert offsets(take(subscriber, 2)) == [3, 4]


def test_a_version_that_is_not_spoken_is_told_and_tried_again(fake: StartFake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "ANSWER_S_MAX", 0.3)
    play = Play(fake)
    play.failures[Hello] = [Failure(0, "unsupported_protocol", "", {"protocol": 2})] * 2
    with mq.Subscriber(play.broker.control, "#", 0) as subscriber:
        for _ in range(2):
            with pytest.raises(Refused, match="unsupported_protocol"):
                take(subscriber, 1)
        assert offsets(take(subscriber, 3)) == [0, 1, 2]


def test_who_is_slow_to_ask_for_more_finds_the_answer_that_came_meanwhile(
    fake: StartFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that lies there is not overdue, however late it is looked at."""
    monkeypatch.setattr(conversation, "ANSWER_S_MAX", 1.0)
    play = Play(fake)
    play.gate.clear()
    with mq.Subscriber(play.broker.control, "#", 0) as subscriber:
        eventually(lambda: subscriber.receive(0) is None and play.heard(Heads))
        late = time.monotonic() + 1.1
        play.gate.set()
        eventually(lambda: time.monotonic() > late)
        assert offsets(take(subscriber, 3)) == [0, 1, 2]
        assert play.heard(Hello) == 1


NONSENSE = {
    "no list of rows": HeadList(0, [None], 1),
    "rows too short": HeadList(0, [[TOPIC]], 1),
    "rows of other things": HeadList(0, [[1, "x", None], [TOPIC, None, 1], [[], {}, 1]], 1),
    "another answer": OffsetFound(0, TOPIC, 1),
}


@pytest.mark.parametrize("answer", NONSENSE.values(), ids=NONSENSE)
def test_answers_that_make_no_sense_do_not_end_it(
    fake: StartFake, often: None, monkeypatch: pytest.MonkeyPatch, answer: Control
) -> None:
    monkeypatch.setattr(conversation, "ANSWER_S_MAX", 0.3)
    play = Play(fake)
    told: list[Control] = []

    def lie(request: Control | bytes) -> Iterator[Control]:
        if isinstance(request, Heads) and not told:
            told.append(request)
            yield type(answer)(**{**{name: getattr(answer, name) for name in answer.__slots__}, "id": request.id})
        else:
            yield from play.answer(request)

    play.broker._handle = lie
    with mq.Subscriber(play.broker.control, "#", 0) as subscriber:
        assert offsets(take(subscriber, 3)) == [0, 1, 2]
