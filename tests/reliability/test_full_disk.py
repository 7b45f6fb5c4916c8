"""A disk that is really full under a broker that serves: nothing acknowledged goes, and nothing has to be done."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from broker_process import BrokerProcess
from checker import Kept, Told, assert_dense, body, sort
from conftest import StartBroker
from load import Load, kept_in, outcome_of
from small_disk import SmallDisk
from waiting import eventually

import mq
from mq.client.link import Link

TOPIC = "host/n1/cpu"
SIZE = 5_000  # more than a page: some of a write may find room, and has to be cut off again
TINY = {"MINIMQ_SEGMENT_BYTES": "4096", "MINIMQ_INDEX_INTERVAL_BYTES": "1024"}
OFTEN = {"MINIMQ_SYNC_INTERVAL_S": "0.05", "MINIMQ_DISK_FREE_BYTES_MIN": "0"}
START_S_MAX = 20.0

Fill = Callable[[SmallDisk], None]
FILLS: dict[str, tuple[dict[str, str], Fill]] = {
    "in an append": ({}, SmallDisk.fill),
    "in a roll": (TINY, SmallDisk.fill),
    "in a roll that can have no file": (TINY, SmallDisk.fill_with_files),
}

each_fill = pytest.mark.parametrize("case", FILLS.values(), ids=FILLS)
each_level = pytest.mark.parametrize("level", ["written", "durable"])


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with closing(SmallDisk(tmp_path / "data")) as disk:
        yield disk


@pytest.fixture
def start(disk: SmallDisk, start_broker: StartBroker) -> StartBroker:
    """Return a function that starts a broker on the small disk; brokers end before the disk does."""

    def begin(**settings: str) -> BrokerProcess:
        return start_broker(str(disk.path), **{**OFTEN, **settings})

    return begin


class Talk:
    """A producer, a PUSH and a subscriber of one test, and what they were told."""

    def __init__(self, broker: BrokerProcess, level: str = "durable") -> None:
        self.control = broker.control
        self.told: list[Told] = []
        self.producer = mq.Producer(broker.control, "written" if level == "written" else "durable")
        self.push = mq.Push(broker.ingest)
        self.live = mq.Subscriber(broker.control, "#")

    def __enter__(self) -> Talk:
        return self

    def __exit__(self, *_: object) -> None:
        self.live.close()
        self.push.close()
        self.producer.close()

    def send(self, topic: str = TOPIC, size: int = SIZE) -> Told:
        """Send one record, and return what is told of it."""
        record = body("producer", len(self.told), size)
        self.told.append(Told(topic, record, *outcome_of(self.producer.send(topic, record))))
        return self.told[-1]

    def store(self, number: int, topic: str = TOPIC) -> None:
        """Send so many records; each has to be stored."""
        outcomes = {self.send(topic).outcome for _ in range(number)}
        assert outcomes <= {"written", "durable"}

    def until(self, outcome: str, topic: str = TOPIC) -> None:
        """Send until that is the answer."""
        eventually(lambda: self.send(topic).outcome == outcome)

    def why_refused(self, topic: str = TOPIC) -> str:
        """Send one more, and return the word with which it is refused."""
        record = body("producer", len(self.told), SIZE)
        self.told.append(Told(topic, record, "refused"))
        with pytest.raises(mq.Refused) as refused:
            self.producer.send(topic, record).result(START_S_MAX)
        return refused.value.reason

    def hear_pushed(self) -> mq.Message:
        """Push until one of those comes live, and return it."""

        def heard() -> mq.Message | None:
            record = body("push", len(self.told), SIZE)
            self.told.append(Told(TOPIC, record, "unknown"))
            self.push.send(TOPIC, record)
            message = self.live.receive(0.2)
            while message is not None and message.body != record:
                message = self.live.receive(0.2)
            return message

        message = eventually(heard)
        assert message is not None
        kept = message.offset is not None  # then it is in its file already, and else it never will be
        self.told[-1] = self.told[-1]._replace(outcome="written" if kept else "dropped", offset=message.offset)
        return message

    def hold(self, *topics: str) -> dict[str, list[Kept]]:
        """Hold what is kept against what was told."""
        kept = {topic: kept_in(self.control, topic) for topic in topics or (TOPIC,)}
        for records in kept.values():
            assert_dense(records)
        verdict = sort(self.told, kept)
        assert not verdict.wrong
        return kept


def assert_verified(data: Path) -> None:
    command = [sys.executable, "-m", "mq.cli", "verify", str(data)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@each_level
@each_fill
def test_full_it_refuses_what_waits_sends_on_what_does_not_and_reads_and_goes_on_by_itself(
    disk: SmallDisk, start: StartBroker, case: tuple[dict[str, str], Fill], level: str
) -> None:
    settings, fill = case
    broker = start(**settings)
    with Talk(broker, level) as talk:
        talk.store(10)
        assert talk.hear_pushed().offset is not None
        for _ in range(2):
            fill(disk)
            talk.until("refused")
            assert talk.why_refused() == "disk_full"
            assert talk.why_refused("another/topic") == "disk_full"
            assert talk.hear_pushed().offset is None
            before = talk.hold(TOPIC, "another/topic")
            disk.free()
            assert talk.send().outcome == level
            talk.store(10)
            assert talk.hear_pushed().offset is not None
            assert len(talk.hold(TOPIC, "another/topic")[TOPIC]) >= len(before[TOPIC]) + 11
        talk.store(1, "another/topic")
        talk.hold(TOPIC, "another/topic")
    assert broker.stop() == 0
    assert_verified(disk.path)


@pytest.mark.parametrize("restarted", [False, True], ids=["served on", "killed"])
def test_a_topic_whose_mark_and_index_found_no_room_is_whole_and_gets_them_later(
    disk: SmallDisk, start: StartBroker, restarted: bool
) -> None:
    broker = start(MINIMQ_INDEX_INTERVAL_BYTES="1024")
    directory = disk.path / "topics" / TOPIC
    with Talk(broker) as talk:
        disk.fill(pages_left=1)
        for _ in range(3):
            assert talk.send(size=1_000).outcome == "durable"  # all in the one page that there was
        eventually(lambda: "no mark" in broker.log.read_text())
        assert sum(each.stat().st_size for each in directory.iterdir() if each.suffix != ".log") == 0
        assert_verified(disk.path)
        if restarted:
            broker.kill()
            assert_verified(disk.path)
        disk.free()
        if restarted:
            broker.start()
            talk.until("durable")
        eventually(lambda: (directory / "@mark").stat().st_size == 48)
        talk.store(3)
        eventually(lambda: (directory / f"@{0:020}.index").stat().st_size >= 32 * 3)
        talk.hold()
    assert broker.stop() == 0
    assert_verified(disk.path)


def epoch_of(broker: BrokerProcess) -> int:
    """Return the number of this life."""
    with Link(broker.control) as link:
        return link.hello().epoch


def tear(disk: SmallDisk, size: int) -> None:
    """Leave the last segment with an end that never came to be a frame."""
    with sorted((disk.path / "topics" / TOPIC).glob("@*.log"))[-1].open("ab") as segment:
        segment.write(b"t" * size)


@pytest.mark.parametrize("torn", [0, 6_000], ids=["whole", "torn"])
@each_fill
def test_killed_and_started_on_a_full_disk_it_serves_what_there_is_and_goes_on_when_there_is_room(
    disk: SmallDisk, start: StartBroker, case: tuple[dict[str, str], Fill], torn: int
) -> None:
    settings, fill = case
    broker = start(**settings)
    with Talk(broker) as talk:
        talk.store(10)
        broker.kill()
        tear(disk, torn)
        fill(disk)
        epochs = []
        for _ in range(3):
            broker.start()
            epochs.append(epoch_of(broker))
            talk.until("refused")
            assert talk.why_refused() == "disk_full"
            assert talk.hear_pushed().offset is None
            talk.hold()
            broker.kill()
            assert_verified(disk.path)
        assert epochs == sorted(set(epochs))
        broker.start()
        talk.until("refused")
        disk.free()
        assert talk.send().outcome == "durable"
        talk.store(10)
        talk.hold()
        broker.kill()
        broker.start()
        talk.until("durable")
        talk.hold()
    assert broker.stop() == 0
    assert_verified(disk.path)


def test_a_mark_that_finds_no_room_is_named_in_the_log(disk: SmallDisk, start: StartBroker) -> None:
    broker = start()
    with Talk(broker) as talk:
        disk.fill(pages_left=1)
        assert talk.send(size=1_000).outcome == "durable"
        eventually(lambda: "no mark" in broker.log.read_text())
    assert f"{disk.path}/topics/{TOPIC}/@mark: No space left" in broker.log.read_text()


def test_half_a_copy_of_a_torn_tail_is_not_kept_as_if_it_were_one(disk: SmallDisk, start: StartBroker) -> None:
    """It would take the last room there is, and who looks for the tail in quarantine would find less than it was."""
    broker = start()
    with Talk(broker) as talk:
        talk.store(1)
        broker.kill()
        tear(disk, 6_000)
        disk.fill(pages_left=1)
        broker.start()
    broker.kill()
    assert [each.stat().st_size for each in disk.path.glob("quarantine/*") if each.stat().st_size < 6_000] == []


def test_under_load_a_disk_that_fills_up_again_and_again_loses_nothing(
    tmp_path: Path, start_broker: StartBroker
) -> None:
    """On a disk that the load alone does not fill."""
    with closing(SmallDisk(tmp_path / "larger", inodes=100_000, megabytes=256)) as disk:
        broker = start_broker(str(disk.path), **OFTEN, **TINY)
        with Load(broker.ingest, broker.control) as load:
            for killed in (False, True, False, True):
                eventually(load.has_grown_by(100))
                disk.fill()
                eventually(load.is_refused())
                if killed:
                    broker.kill()
                disk.free()
                if killed:
                    broker.start()
                eventually(load.has_grown_by(100))
        kept = {topic: kept_in(broker.control, topic) for topic in load.topics}
        for records in kept.values():
            assert_dense(records)
        assert not sort(load.told, kept).wrong
        assert broker.stop() == 0
        assert_verified(disk.path)
