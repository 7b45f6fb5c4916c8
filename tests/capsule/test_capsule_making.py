"""Made from a real broker: the journal's own bytes, what it cannot give by its name, and never half a file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from broker_process import BrokerProcess
from capsule_kit import read_all

import mq
from mq.capsule.check import check
from mq.capsule.draft import draft
from mq.capsule.labels import DAMAGED, About, Lost
from mq.capsule.making import Made, Part, clock_of, make, plan
from mq.capsule.reader import Capsule
from mq.errors import CapsuleUnusable, MqError, Unreachable


def store(broker: BrokerProcess, topic: str, *bodies: bytes) -> None:
    with mq.Producer(broker.control, "written") as producer:
        for body in bodies:
            producer.send(topic, body).result(20)


def made(broker: BrokerProcess, path: Path, *patterns: str, start: int = 0, stop: int | None = None) -> Made:
    """Make a capsule of all that there is up to now, unless told otherwise."""
    now = clock_of(broker.control)
    about = About(list(patterns), start, now if stop is None else stop, now)
    with draft(str(path), force=False) as file:
        return make(broker.control, plan(broker.control, about), about, file.write)


def log_of(broker: BrokerProcess, topic: str) -> Path:
    (log,) = (broker.data / "topics" / topic).glob("@*.log")
    return log


def test_the_frames_are_the_journals_byte_for_byte(broker: BrokerProcess, tmp_path: Path) -> None:
    store(broker, "host/n1/cpu", b"one", b"two")
    store(broker, "host/n1/mem", b"x" * 300_000, b"y" * 300_000)
    store(broker, "other", b"z")
    path = tmp_path / "x.mq"
    made(broker, path, "host/#")
    whole = path.read_bytes()
    with Capsule(str(path)) as opened:
        for row in opened.topics:
            frames = b"".join(whole[block.frames_at : block.stop] for block in row.blocks)
            assert frames == log_of(broker, row.topic).read_bytes()
            assert list(opened.replay(row.topic)) == list(mq.replay(broker.control, row.topic))
        assert [row.topic for row in opened.topics] == ["host/n1/cpu", "host/n1/mem"]


def test_a_range_begins_at_its_start_and_ends_before_its_stop(broker: BrokerProcess, tmp_path: Path) -> None:
    """By the time of appending; and so do a part of it, and a part by offsets."""
    store(broker, "notes", *(b"%d" % number for number in range(6)))
    times = [message.time for message in mq.replay(broker.control, "notes")]
    path = tmp_path / "x.mq"
    made(broker, path, "notes", start=times[1], stop=times[5])
    with Capsule(str(path)) as opened:
        assert [message.offset for message in opened.replay("notes")] == [1, 2, 3, 4]
        assert [message.offset for message in opened.replay("notes", 2, 4)] == [2, 3]
        later = datetime.fromtimestamp(times[5] / 1e9 + 60, UTC)
        assert list(opened.replay("notes", later)) == []
        assert len(list(opened.replay("notes", 0, later))) == 4
        assert list(opened.replay("nothing")) == []


def test_what_is_damaged_in_the_journal_is_in_the_capsule_as_that(broker: BrokerProcess, tmp_path: Path) -> None:
    """It is whole all the same, and reading it raises what a replay raises."""
    store(broker, "notes", b"first", b"second", b"third")
    broker.stop()
    log = log_of(broker, "notes")
    log.write_bytes(log.read_bytes().replace(b"second", b"sEcond"))
    broker.start()
    path = tmp_path / "x.mq"
    assert made(broker, path, "notes").lost == [Lost("notes", 1, 2, DAMAGED)]
    assert check(str(path)).whole
    seen = read_all(path)
    assert [message.offset for message in seen.records] == [0, 2]
    (gap,) = seen.events
    assert isinstance(gap, mq.Gap)
    assert (gap.first, gap.next) == (1, 2)


def test_a_broker_that_goes_away_leaves_no_file(broker: BrokerProcess, tmp_path: Path) -> None:
    store(broker, "notes", b"one")
    about = About(["notes"], 0, clock_of(broker.control), 0)
    parts = plan(broker.control, about)
    broker.kill()
    place = tmp_path / "capsules"
    place.mkdir()
    with pytest.raises(Unreachable), draft(str(place / "x.mq"), force=False) as file:
        make(broker.control, parts, about, file.write, timeout_s=0.3)
    assert list(place.iterdir()) == []


def test_a_journal_that_has_lost_its_end_meanwhile_is_told(broker: BrokerProcess) -> None:
    store(broker, "notes", b"one")
    about = About(["notes"], 0, clock_of(broker.control), 0)
    with pytest.raises(MqError, match=r"the journal has changed: .* make the capsule again"):
        make(broker.control, [Part("notes", 5, 9, 0)], about, bytearray().extend)


def test_a_file_that_is_there_is_replaced_only_by_force(tmp_path: Path) -> None:
    """Also one that came to be meanwhile."""
    path = tmp_path / "x.mq"
    late = draft(str(path), force=False)
    late.__enter__().write(b"second")
    path.write_bytes(b"first")
    with pytest.raises(CapsuleUnusable, match="exists already"):
        late.__exit__(None, None, None)
    assert path.read_bytes() == b"first"
    with draft(str(path), force=True) as file:
        file.write(b"third")
        assert path.read_bytes() == b"first"
    assert path.read_bytes() == b"third"
    assert [each.name for each in tmp_path.iterdir()] == ["x.mq"]
