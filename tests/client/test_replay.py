"""Reading what the journal holds: exactly that, from any point, through whatever happens meanwhile."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import pytest
from broker_process import BrokerProcess
from client_kit import EPOCH, StartFake, fakes, later_epoch, open_files, stamped
from conftest import StartBroker
from waiting import eventually

import mq
from mq.client.replay import Replay
from mq.errors import BadEndpoint, BadTopic, FrameRefused, Gap, Refused, Rewound, Trimmed, Unreachable
from mq.protocol import Control, Failure, Fetch, Frames, OffsetAt, OffsetFound

TOPIC = "host/n1/cpu"
NOBODY = "tcp://127.0.0.1:1"
PATIENCE_S = 20.0
MIB = 1 << 20


@pytest.fixture
def fake() -> Iterator[StartFake]:
    with fakes() as start:
        yield start


def fill(broker: BrokerProcess, count: int, size: int = 10, topic: str = TOPIC, at_once: int = 0) -> list[bytes]:
    """Produce records that tell which one they are, in frames of `at_once` if given; return their bodies."""
    bodies = [(b"%d " % number).ljust(size, b".") for number in range(count)]
    with mq.Producer(broker.control, "written") as producer:
        if at_once:
            for first in range(0, count, at_once):
                producer.send_many(topic, bodies[first : first + at_once]).result(PATIENCE_S)
        else:
            for body in bodies:
                producer.send(topic, body)
    return bodies


def offsets(replay: Replay) -> list[int | None]:
    return [message.offset for message in replay]


# --- points -------------------------------------------------------------------------------------------------------


def test_all_of_a_topic_comes_with_all_there_is_to_know(broker: BrokerProcess) -> None:
    before = time.time_ns()
    bodies = fill(broker, 100)
    found = list(mq.replay(broker.control, TOPIC))
    assert [message.body for message in found] == bodies
    assert [message.offset for message in found] == list(range(100))
    assert {message.topic for message in found} == {TOPIC}
    assert all(before <= message.produced <= message.time <= time.time_ns() for message in found)


POINTS = [
    (0, None, range(100)),
    (42, None, range(42, 100)),
    (99, None, range(99, 100)),
    (100, None, range(0)),
    (0, 10, range(10)),
    (42, 43, range(42, 43)),
    (42, 42, range(0)),
    (42, 10, range(0)),
    (90, 10**9, range(90, 100)),
    (0, 2**64 - 1, range(100)),
]


@pytest.mark.parametrize("at_once", [0, 7])
def test_from_an_offset_to_an_offset_in_single_frames_and_in_the_middle_of_batches(
    broker: BrokerProcess, at_once: int
) -> None:
    bodies = fill(broker, 100, at_once=at_once)
    for start, stop, expected in POINTS:
        found = list(mq.replay(broker.control, TOPIC, start, stop))
        assert [message.offset for message in found] == list(expected), (start, stop)
        assert [message.body for message in found] == [bodies[offset] for offset in expected]


def test_from_a_time_to_a_time(broker: BrokerProcess) -> None:
    with mq.Producer(broker.control, "written") as producer:
        for number in range(10):
            producer.send(TOPIC, b"%d" % number).result(10)
    times = [message.time for message in mq.replay(broker.control, TOPIC)]
    assert len(set(times)) == 10

    def moment(offset: int) -> datetime:
        """Return a time between the append of this record and of the one before, as exactly as datetime can say."""
        return datetime.fromtimestamp((times[offset - 1] + times[offset]) / 2e9, tz=UTC)

    control = broker.control
    assert offsets(mq.replay(control, TOPIC, moment(4))) == [4, 5, 6, 7, 8, 9]
    assert offsets(mq.replay(control, TOPIC, moment(4), moment(8))) == [4, 5, 6, 7]
    assert offsets(mq.replay(control, TOPIC, 2, moment(4))) == [2, 3]
    assert offsets(mq.replay(control, TOPIC, timedelta(hours=1))) == list(range(10))
    assert offsets(mq.replay(control, TOPIC, timedelta(hours=1), timedelta(minutes=30))) == []
    assert offsets(mq.replay(control, TOPIC, timedelta(days=40_000))) == list(range(10))
    assert offsets(mq.replay(control, TOPIC, timedelta())) == []
    assert offsets(mq.replay(control, TOPIC, datetime.now(UTC) + timedelta(days=1))) == []


def test_a_count_is_taken_with_islice_and_leaves_nothing(broker: BrokerProcess) -> None:
    fill(broker, 1_000, 1_000)
    before, threads = open_files(), threading.active_count()
    for _ in range(3):
        found = list(islice(mq.replay(broker.control, TOPIC, 10), 5))
        assert [message.offset for message in found] == [10, 11, 12, 13, 14]
    assert open_files() <= before
    assert threading.active_count() == threads


def test_whole_batches_are_what_was_sent_at_once(broker: BrokerProcess) -> None:
    bodies = fill(broker, 20, at_once=7)
    found = list(mq.replay(broker.control, TOPIC, 3, 16).batches())
    assert [(batch.offset, len(batch.records)) for batch in found] == [(3, 4), (7, 7), (14, 2)]
    assert [record for batch in found for record in batch.records] == bodies[3:16]


def test_a_topic_that_nobody_has_written_to_is_empty(broker: BrokerProcess) -> None:
    for start in (0, timedelta(hours=1), datetime.now(UTC)):
        assert list(mq.replay(broker.control, "not/there", start)) == []


def test_it_ends_where_the_topic_ended_when_it_began(broker: BrokerProcess) -> None:
    fill(broker, 10)
    replay = mq.replay(broker.control, TOPIC)
    first = next(replay)
    fill(broker, 10)
    assert [first.offset, *offsets(replay)] == list(range(10))
    assert list(replay) == []


def test_beyond_the_end_is_rewound_and_goes_on_from_there(broker: BrokerProcess) -> None:
    fill(broker, 10)
    replay = mq.replay(broker.control, TOPIC, 11)
    with pytest.raises(Rewound) as raised:
        next(replay)
    assert (raised.value.wanted, raised.value.end) == (11, 10)
    assert list(replay) == []


def test_many_megabytes_come_whole(broker: BrokerProcess) -> None:
    bodies = fill(broker, 1_200, 10_000)
    assert [message.body for message in mq.replay(broker.control, TOPIC)] == bodies


def test_answers_that_the_broker_has_dropped_are_asked_for_again(start_broker: StartBroker) -> None:
    """A slice that finds no room is dropped by the broker; what comes behind it must not pass for what was due."""
    broker = start_broker(MINIMQ_CONTROL_MESSAGES_MAX="8", MINIMQ_FETCH_SLICE_BYTES="4096")
    bodies = fill(broker, 600, 1_000)
    found = list(mq.replay(broker.control, TOPIC))
    assert [message.offset for message in found] == list(range(600))
    assert [message.body for message in found] == bodies


# --- when the broker goes away ------------------------------------------------------------------------------------


def test_a_broker_that_is_killed_and_started_again_in_the_middle_is_waited_for(broker: BrokerProcess) -> None:
    bodies = fill(broker, 1_200, 10_000)
    replay = mq.replay(broker.control, TOPIC)
    found = [message.body for message in islice(replay, 100)]
    broker.kill()
    restarting = threading.Thread(target=broker.restart)
    restarting.start()
    found += [message.body for message in replay]
    restarting.join()
    assert found == bodies


def test_with_nobody_there_it_says_where_it_looked(broker: BrokerProcess) -> None:
    for start in (0, timedelta(hours=1)):
        with pytest.raises(Unreachable) as raised:
            next(mq.replay(NOBODY, TOPIC, start, timeout_s=0.3))
        assert (raised.value.endpoint, raised.value.seconds) == (NOBODY, 0.3)
        assert NOBODY in str(raised.value)


def test_one_that_stays_away_is_unreachable_and_another_try_goes_on(broker: BrokerProcess) -> None:
    bodies = fill(broker, 1_200, 10_000)
    replay = mq.replay(broker.control, TOPIC, timeout_s=0.5)
    found = [next(replay).body]
    broker.kill()

    def read_on() -> bool:
        """Read on, and say whether the end was reached."""
        try:
            found.extend(message.body for message in replay)
        except Unreachable:
            return False
        return True

    assert not read_on()
    assert found == bodies[: len(found)]
    broker.restart()
    eventually(read_on)
    assert found == bodies


def test_on_another_journal_it_is_rewound_and_goes_on_with_what_that_holds(broker: BrokerProcess) -> None:
    fill(broker, 1_200, 10_000)
    replay = mq.replay(broker.control, TOPIC)
    next(replay)
    broker.kill()
    later_epoch()
    shutil.rmtree(broker.data)
    broker.restart()
    fill(broker, 5)
    with pytest.raises(Rewound) as raised:
        list(replay)
    assert raised.value.topic == TOPIC
    assert raised.value.end == 0
    assert offsets(replay) == list(range(5))


def test_damage_is_a_gap_and_what_is_behind_it_follows(broker: BrokerProcess) -> None:
    bodies = fill(broker, 100, 1_000)
    broker.stop()
    wound(broker.data / "topics" / TOPIC)
    broker.restart()
    replay = mq.replay(broker.control, TOPIC)
    found: list[bytes] = []
    with pytest.raises(Gap) as raised:
        found.extend(message.body for message in replay)
    gap = raised.value
    assert gap.first < gap.next
    assert found == bodies[: gap.first]
    assert [message.body for message in replay] == bodies[gap.next :]
    assert offsets(mq.replay(broker.control, TOPIC, gap.next)) == list(range(gap.next, 100))
    with pytest.raises(Gap):
        next(mq.replay(broker.control, TOPIC, gap.first))
    assert offsets(mq.replay(broker.control, TOPIC, 0, gap.first)) == list(range(gap.first))


def wound(directory: Path) -> None:
    """Overwrite the middle of a topic's segment, and take its index away."""
    (segment,) = directory.glob("@*.log")
    with segment.open("r+b") as file:
        file.seek(segment.stat().st_size // 2)
        file.write(bytes(2_000))
    for index in directory.glob("@*.idx"):
        index.unlink()


# --- using it -----------------------------------------------------------------------------------------------------


def test_after_close_there_is_nothing_more(broker: BrokerProcess) -> None:
    fill(broker, 20, at_once=10)
    with mq.replay(broker.control, TOPIC) as replay:
        assert next(replay).offset == 0
    assert list(replay) == []
    assert list(replay.batches()) == []
    replay.close()


def test_what_cannot_be_asked_is_refused_at_once_and_leaves_nothing() -> None:
    before = open_files()
    with pytest.raises(BadTopic):
        mq.replay(NOBODY, "a/#")
    with pytest.raises(BadEndpoint):
        mq.replay("nowhere", TOPIC)
    assert open_files() <= before


# --- a broker that is none ----------------------------------------------------------------------------------------


def test_what_the_broker_trimmed_is_told_and_the_stop_still_holds(fake: StartFake) -> None:
    def answer(request: Control | bytes) -> Iterator[Control]:
        assert isinstance(request, Fetch)
        if request.offset < 5:
            facts = {"topic": TOPIC, "wanted": request.offset, "first_kept": 5}
            yield Failure(request.id, "trimmed", "", facts)
        else:
            data = b"".join(stamped(TOPIC, b"%d" % each, offset=each) for each in range(request.offset, 20))
            yield Frames(request.id, TOPIC, data, 20, EPOCH, 20)

    with closing(mq.replay(fake(answer).control, TOPIC, 0, 10)) as replay:
        with pytest.raises(Trimmed) as raised:
            next(replay)
        assert raised.value.first_kept == 5
        assert offsets(replay) == [5, 6, 7, 8, 9]


@pytest.mark.parametrize("facts", [{}, {"topic": TOPIC}, {"topic": TOPIC, "wanted": "x", "first_kept": None}])
def test_a_refusal_that_makes_no_sense_is_still_one(fake: StartFake, facts: dict[str, object]) -> None:
    broker = fake(lambda request: [Failure(request.id, "trimmed", "", facts)])  # type: ignore[union-attr]
    with closing(mq.replay(broker.control, TOPIC)) as replay, pytest.raises(Refused):
        next(replay)


def test_busy_is_tried_again_and_never_seen(fake: StartFake) -> None:
    asked = []

    def answer(request: Control | bytes) -> Iterator[Control]:
        asked.append(request)
        if len(asked) % 3:
            yield Failure(request.id, "busy", "", {})  # type: ignore[union-attr]
        elif isinstance(request, OffsetAt):
            yield OffsetFound(request.id, TOPIC, 0)
        elif isinstance(request, Fetch):
            yield Frames(request.id, TOPIC, stamped(TOPIC, b"x", offset=0), 1, EPOCH, 1)

    with closing(mq.replay(fake(answer).control, TOPIC, timedelta(hours=1))) as replay:
        assert offsets(replay) == [0]
    assert len(asked) == 6


def test_a_word_of_a_later_version_is_a_refusal(fake: StartFake) -> None:
    broker = fake(lambda request: [Failure(request.id, "sealed", "the detail", {})])  # type: ignore[union-attr]
    with closing(mq.replay(broker.control, TOPIC)) as replay, pytest.raises(Refused, match=r"sealed.*the detail"):
        next(replay)


def test_damaged_bytes_are_an_error_and_are_asked_for_again(fake: StartFake) -> None:
    asked = []

    def answer(request: Control | bytes) -> Iterator[Control]:
        assert isinstance(request, Fetch)
        asked.append(request.offset)
        data = bytearray(stamped(TOPIC, b"0", offset=0) + stamped(TOPIC, b"1", offset=1))
        if len(asked) == 1:
            data[len(data) // 2 + 5] ^= 1
        yield Frames(request.id, TOPIC, bytes(data), 2, EPOCH, 2)

    with closing(mq.replay(fake(answer).control, TOPIC)) as replay:
        found = [next(replay).offset]
        with pytest.raises(FrameRefused):
            next(replay)
        found += offsets(replay)
    assert found == [0, 1]


def test_answers_to_other_questions_are_not_taken_for_this_one(fake: StartFake) -> None:
    def answer(request: Control | bytes) -> Iterator[Control]:
        data = stamped(TOPIC, b"right", offset=0)
        if isinstance(request, OffsetAt):
            yield OffsetFound(request.id + 1, TOPIC, 7)
            yield OffsetFound(request.id, TOPIC, 0)
        if isinstance(request, Fetch):
            yield Frames(request.id + 1, TOPIC, stamped(TOPIC, b"wrong", offset=0), 1, EPOCH, 1)
            yield OffsetFound(request.id, TOPIC, 0)
            yield Frames(request.id, TOPIC, data, 1, EPOCH, 1)

    with closing(mq.replay(fake(answer).control, TOPIC, timedelta(hours=1))) as replay:
        assert [message.body for message in replay] == [b"right"]
