"""Choosing what to hear of a topic: the last record first, the newest only; and what cannot be chosen together."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from broker_process import BrokerProcess
from client_kit import EPOCH, FakeBroker, StartFake, fakes, open_files, stamped
from waiting import eventually

import mq
from mq.client.latest import ONE_FRAME
from mq.client.message import Message
from mq.errors import FrameRefused, MqError
from mq.protocol import Control, Fetch, Frames, HeadList, Heads, Hello, Last, LastFrames

TOPIC = "host/n1/cpu"
PATIENCE_S = 20.0
RATE = 10_000


@pytest.fixture
def fake() -> Iterator[StartFake]:
    with fakes() as start:
        yield start


def fill(broker: BrokerProcess, count: int, *topics: str, first: int = 0) -> None:
    with mq.Producer(broker.control, "written") as producer:
        for number in range(first, first + count):
            for topic in topics or (TOPIC,):
                producer.send(topic, b"%d" % number)


def take(subscriber: mq.Subscriber, count: int) -> list[Message]:
    found = [subscriber.receive(PATIENCE_S) for _ in range(count)]
    return [message for message in found if message is not None]


def places(messages: list[Message]) -> list[tuple[str, int | None]]:
    return [(message.topic, message.offset) for message in messages]


def begun(subscriber: mq.Subscriber) -> mq.Subscriber:
    eventually(lambda: subscriber.receive(0.01) is None and subscriber._tracker._listed)
    return subscriber


@contextmanager
def flood(broker: BrokerProcess, *topics: str, rate: int = RATE) -> Iterator[None]:
    """Push so many records a second, each the time of its sending."""
    ending = threading.Event()

    def run() -> None:
        with mq.Push(broker.ingest) as push:
            push.ready(PATIENCE_S)
            began, sent = time.monotonic(), 0
            while not ending.wait(0.002):
                for _ in range(int((time.monotonic() - began) * rate) - sent):
                    push.send(topics[sent % len(topics)], b"%d" % time.time_ns())
                    sent += 1

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()


def age_s(message: Message) -> float:
    return (time.time_ns() - int(message.body)) / 1e9


# --- the newest only ----------------------------------------------------------------------------------------------


def test_a_slow_reader_under_load_gets_what_is_new_and_never_a_backlog(broker: BrokerProcess) -> None:
    """Ten topics, 10,000 records a second, two received a second: each is fresh, and later than the one before."""
    topics = [f"host/n{number}/cpu" for number in range(10)]
    with flood(broker, *topics), mq.Subscriber(broker.control, "host/#", latest_only=True) as subscriber:
        had: dict[str, int] = {}
        ages = []
        for _ in range(12):
            (message,) = take(subscriber, 1)
            ages.append(age_s(message))
            assert message.offset is not None
            assert message.offset > had.get(message.topic, -1)
            had[message.topic] = message.offset
            assert subscriber.lag <= len(topics)
            pause = time.monotonic() + 0.5
            eventually(lambda until=pause: time.monotonic() >= until)  # type: ignore[misc]
        assert len(had) == len(topics), "each topic has its turn"
        assert sorted(ages)[-2] < 1.5
        assert (subscriber.repaired, subscriber.lost) == (0, 0)


def test_after_a_long_pause_the_newest_comes_and_nothing_of_what_was_passed_over_is_fetched(
    broker: BrokerProcess,
) -> None:
    with mq.Subscriber(broker.control, "host/#", latest_only=True, receive_hwm=1) as subscriber:
        begun(subscriber)
        fill(broker, 30_000)
        (message,) = take(subscriber, 1)
        asked: list[Control] = []
        ask = subscriber._following.talk.ask

        def watched(request: Control) -> None:
            asked.append(request)
            ask(request)

        subscriber._following.talk.ask = watched  # type: ignore[method-assign]
        fill(broker, 30_000, first=30_000)
        found = [message]
        while found[-1].offset != 59_999:
            found += take(subscriber, 1)
        assert subscriber.receive(0.1) is None
        fetched = [request.credit for request in asked if isinstance(request, Fetch)]
        assert len(fetched) < 10
        assert set(fetched) <= {ONE_FRAME}
    assert len(found) < 2_000
    assert [each.offset for each in found] == sorted({each.offset for each in found if each.offset is not None})


def test_it_begins_with_what_is_new_and_meets_later_topics(broker: BrokerProcess) -> None:
    fill(broker, 3)
    with mq.Subscriber(broker.control, "#", latest_only=True) as subscriber:
        begun(subscriber)
        fill(broker, 1, "later")
        assert places(take(subscriber, 1)) == [("later", 0)]
        assert subscriber.receive(0.2) is None


def test_it_goes_on_over_the_brokers_death_with_what_came_meanwhile(broker: BrokerProcess) -> None:
    with mq.Subscriber(broker.control, "#", latest_only=True) as subscriber:
        begun(subscriber)
        fill(broker, 1)
        assert places(take(subscriber, 1)) == [(TOPIC, 0)]
        broker.kill()
        broker.restart()
        fill(broker, 5, first=1)
        assert eventually(lambda: take(subscriber, 1)[0].offset == 5)
        assert subscriber.receive(0.1) is None


# --- the last record first ----------------------------------------------------------------------------------------


def test_the_last_record_of_each_topic_comes_first_then_live_under_load_nothing_left_out_or_twice(
    broker: BrokerProcess,
) -> None:
    quiet = [f"quiet/{number}" for number in range(300)]
    fill(broker, 3, *quiet)
    busy = [f"busy/{number}" for number in range(3)]
    with flood(broker, *busy, rate=6_000), mq.Subscriber(broker.control, "#", last=True) as probe:
        eventually(lambda: {take(probe, 1)[0].topic for _ in range(400)} >= set(busy))
        for _ in range(3):
            with mq.Subscriber(broker.control, "#", last=True) as subscriber:
                found = take(subscriber, 6_000)
            by_topic: dict[str, list[int]] = {}
            for message in found:
                assert message.offset is not None
                by_topic.setdefault(message.topic, []).append(message.offset)
            assert {topic: offsets for topic, offsets in by_topic.items() if topic in quiet} == {
                topic: [2] for topic in quiet
            }
            for topic in busy:
                first = by_topic[topic][0]
                assert first > 0
                assert by_topic[topic] == list(range(first, first + len(by_topic[topic])))


def test_the_last_of_a_batch_is_one_record_and_an_empty_broker_gives_what_comes(broker: BrokerProcess) -> None:
    with mq.Subscriber(broker.control, "#", last=True) as early:
        begun(early)
        with mq.Producer(broker.control, "written") as producer:
            producer.send_many(TOPIC, [b"0", b"1", b"2"])
        assert places(take(early, 3)) == [(TOPIC, 0), (TOPIC, 1), (TOPIC, 2)]
    with mq.Subscriber(broker.control, "#", last=True) as late:
        assert places(take(late, 1)) == [(TOPIC, 2)]
        fill(broker, 1, first=3)
        assert places(take(late, 1)) == [(TOPIC, 3)]


def test_with_the_newest_only_the_last_of_each_topic_comes_first_too(broker: BrokerProcess) -> None:
    topics = [f"t/{number:02}" for number in range(50)]
    fill(broker, 3, *topics)
    with mq.Subscriber(broker.control, "t/#", last=True, latest_only=True) as subscriber:
        assert places(take(subscriber, 50)) == [(topic, 2) for topic in topics]
        fill(broker, 1, topics[7], first=3)
        assert places(take(subscriber, 1)) == [(topics[7], 3)]
        assert subscriber.receive(0.2) is None


def test_a_topic_of_which_nothing_is_kept_is_heard_from_its_end(broker: BrokerProcess) -> None:
    fill(broker, 3, "a", "b")
    broker.stop()
    segment = next((broker.data / "topics" / "a").glob("@*.log"))
    with segment.open("r+b") as file:
        file.write(bytes(segment.stat().st_size))
    broker.restart()
    with mq.Subscriber(broker.control, "+", last=True) as subscriber:
        assert places(take(subscriber, 1)) == [("b", 2)]
        fill(broker, 1, "a", first=3)
        assert [topic for topic, _ in places(take(subscriber, 1))] == ["a"]


# --- what cannot be chosen, and brokers that are none --------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"last": True, "start": 0}, "leave out last, or start"),
        ({"last": True, "start": timedelta(1)}, "leave out last, or start"),
        ({"latest_only": True, "start": 7}, "leave out latest_only, or start"),
        ({"latest_only": True, "consumer": "a"}, "leave out latest_only, or consumer"),
        ({"last": True, "consumer": "a"}, "leave out last, or consumer"),
        ({"positions": {"t": (1, None)}, "consumer": "a"}, "leave out consumer, last and latest_only"),
        ({"positions": {"t": (1, None)}, "latest_only": True}, "leave out consumer, last and latest_only"),
        ({"name": ""}, "a subscriber's name has 1 to 100 printable characters"),
        ({"name": "x" * 101}, "printable"),
        ({"name": "a\nb"}, "printable"),
    ],
)
def test_what_says_two_things_is_refused_and_leaves_nothing(arguments: dict[str, Any], says: str) -> None:
    before = open_files()
    with pytest.raises(ValueError, match=says):
        mq.Subscriber("tcp://127.0.0.1:1", "#", **arguments)
    assert open_files() <= before


class Liar:
    """A broker that answers fetches and askings for last records as it is told to."""

    def __init__(self, start: StartFake, data: bytes) -> None:
        self.data = data
        self.broker: FakeBroker = start(self.answer)

    def answer(self, request: Control | bytes) -> Iterator[Control]:
        """Answer."""
        match request:
            case Hello():
                yield self.broker.welcome(request.id)
            case Heads():
                yield HeadList(request.id, [[TOPIC, 3, EPOCH]], 1)
            case Last():
                yield LastFrames(request.id, self.data)
            case Fetch():
                yield Frames(request.id, TOPIC, self.data, 3, EPOCH, 3)


LIES = {
    "another topic's frame": stamped("other", b"x", offset=2),
    "a frame that is not stored": stamped(TOPIC, b"x", offset=2**64 - 1, epoch=0),
    "no frame": b"rubbish",
    "half a frame": stamped(TOPIC, b"x", offset=2)[:-1],
}


CHOICES: list[dict[str, Any]] = [{"last": True, "latest_only": True}, {"start": 0}, {"last": True}]
# Frames of last records are of many topics: one that was not asked for is passed over.
TOLD = [(lie, it) for lie in LIES for it in CHOICES if (lie, it) != ("another topic's frame", {"last": True})]


@pytest.mark.parametrize(("lie", "choice"), TOLD, ids=str)
def test_answers_that_cannot_be_are_told_and_the_truth_after_them_is_taken(
    fake: StartFake, lie: str, choice: dict[str, Any]
) -> None:
    liar = Liar(fake, LIES[lie])
    with mq.Subscriber(liar.broker.control, "host/#", **choice) as subscriber:
        with pytest.raises(FrameRefused):
            subscriber.receive(PATIENCE_S)
        liar.data = b"".join(stamped(TOPIC, b"x", offset=offset) for offset in range(3))
        if "last" in choice:
            liar.data = stamped(TOPIC, b"x", offset=2)

        def received() -> Message | None:
            try:
                return subscriber.receive(0.1)
            except MqError:
                return None

        message = eventually(received)
        assert message is not None
        assert message.topic == TOPIC
