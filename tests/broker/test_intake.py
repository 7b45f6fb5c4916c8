"""What becomes of a turn: each refusal counted by its kind, each acknowledgement at its level and not before."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import msgpack
import pytest
import zstandard
from broker_kit import EPOCH, NOW, MemoryJournal
from raw_wire import BATCH, DURABLE, UNSTORED, WRITTEN, ZSTD, batch, make, on_disk, read

from mq.broker.counters import Counters
from mq.broker.intake import Intake, Turn
from mq.broker.ledger import Ledger
from mq.broker.produced import Reply
from mq.config import Config
from mq.journal.file_journal import FileJournal

TOPIC = b"host/n1/cpu"
ANN, BOB = b"ann", b"bob"
LIMIT = 4096

Refused = list[tuple[str, bytes]]
BAD: Refused = [
    ("too_large", make(TOPIC, bytes(LIMIT))),
    ("too_large", make(TOPIC, zstandard.compress(bytes((16 << 20) + 1)), flags=ZSTD)),
    ("not_a_frame", b""),
    ("not_a_frame", b"rubbish"),
    ("not_a_frame", bytes(200)),
    ("not_a_frame", make(TOPIC, b"")[:-1]),
    ("bad_magic", make(TOPIC, b"x", magic=b"mq")),
    ("bad_magic", TOPIC + b"\0" + b"x" * 64),
    ("bad_version", make(TOPIC, b"x", version=0)),
    ("bad_version", make(TOPIC, b"x", version=2)),
    ("bad_length", make(TOPIC, b"xy", length=1)),
    ("bad_length", make(TOPIC, b"xy", length=3)),
    ("bad_length", make(TOPIC, b"xy") + b"z"),
    ("bad_length", make(TOPIC, b"x", length=2**32 - 1)),
    ("bad_checksum", make(TOPIC, b"x", crc=0)),
    ("bad_checksum", make(TOPIC, b"x")[:-1] + b"y"),
    ("bad_topic", make(b"/a", b"x")),
    ("bad_topic", make(b"a/", b"x")),
    ("bad_topic", make(b"a//b", b"x")),
    ("bad_topic", make(b"a/.b", b"x")),
    ("bad_topic", make(b"../etc/passwd", b"x")),
    ("bad_topic", make(b"a b", b"x")),
    ("bad_topic", make(b"a/#", b"x")),
    ("bad_topic", make(b"a\n", b"x")),
    ("bad_topic", make("ä".encode(), b"x")),
    ("bad_topic", make(b"t" * 201, b"x")),
    ("reserved_topic", make(b"_mq", b"x")),
    ("reserved_topic", make(b"_mq/consumers", b"x")),
    ("bad_flags", make(TOPIC, b"x", flags=0x20)),
    ("bad_flags", make(TOPIC, b"x", flags=0x80)),
    ("bad_flags", make(TOPIC, b"x", flags=0x04)),
    ("bad_flags", make(TOPIC, b"x", flags=0x06)),
    ("bad_flags", make(TOPIC, b"x", flags=0x18)),
    ("bad_count", make(TOPIC, b"x", count=0)),
    ("bad_count", make(TOPIC, b"x", count=2)),
    ("bad_count", make(TOPIC, batch(), flags=BATCH, count=0)),
    ("bad_count", make(TOPIC, batch(b"a"), flags=BATCH, count=2)),
    ("bad_count", make(TOPIC, batch(b"a", b"b"), flags=BATCH, count=1)),
    ("bad_count", make(TOPIC, batch(b"a"), flags=BATCH, count=2**32 - 1)),
    ("bad_codec", make(TOPIC, b"not zstd", flags=ZSTD)),
    ("bad_codec", make(TOPIC, b"", flags=ZSTD)),
    ("bad_codec", make(TOPIC, zstandard.compress(b"x") + b"y", flags=ZSTD)),
    ("bad_codec", make(TOPIC, zstandard.compress(b"x" * 99)[:-3], flags=ZSTD)),
    ("bad_batch", make(TOPIC, b"", flags=BATCH)),
    ("bad_batch", make(TOPIC, b"\xc1", flags=BATCH)),
    ("bad_batch", make(TOPIC, b"\x91", flags=BATCH)),
    ("bad_batch", make(TOPIC, batch(b"a") + b"\0", flags=BATCH)),
    ("bad_batch", make(TOPIC, msgpack.packb(["str"]), flags=BATCH)),
    ("bad_batch", make(TOPIC, msgpack.packb([[b"a"]]), flags=BATCH)),
    ("bad_batch", make(TOPIC, msgpack.packb({b"a": b"b"}), flags=BATCH)),
    ("bad_batch", make(TOPIC, msgpack.packb([b"a", 1]), flags=BATCH, count=2)),
    ("bad_batch", make(TOPIC, msgpack.packb([msgpack.Timestamp(1)]), flags=BATCH)),
    ("bad_batch", make(TOPIC, b"\xdd\xff\xff\xff\xff", flags=BATCH, count=2**32 - 1)),
    ("bad_batch", make(TOPIC, b"\x91\xc6\xff\xff\xff\xff" + b"x" * 50, flags=BATCH)),
    ("bad_batch", make(TOPIC, b"\xdd\x00\x00\x07\x00" * 700, flags=BATCH)),
    ("bad_batch", make(TOPIC, zstandard.compress(b"\x91\xa1x"), flags=BATCH | ZSTD)),
]
INGEST_BAD: Refused = [
    *BAD,
    ("ack_not_here", make(TOPIC, b"x", flags=WRITTEN)),
    ("ack_not_here", make(TOPIC, b"x", flags=DURABLE)),
]
CONTROL_BAD: Refused = [
    *BAD,
    ("ack_missing", make(TOPIC, b"x")),
    ("ack_missing", make(TOPIC, batch(b"x"), flags=BATCH)),
]


@pytest.fixture
def journal() -> MemoryJournal:
    return MemoryJournal()


@pytest.fixture
def counters() -> Counters:
    return Counters()


@pytest.fixture
def intake(journal: MemoryJournal, counters: Counters) -> Intake:
    return Intake(journal, Config(frame_bytes_max=LIMIT), counters, Ledger(), clock=lambda: NOW)


def opened(replies: list[Reply]) -> list[tuple[bytes, dict[str, Any]]]:
    return [(client, msgpack.unpackb(message)) for client, message in replies]


def ack_rows(replies: list[Reply]) -> dict[bytes, list[list[Any]]]:
    rows: dict[bytes, list[list[Any]]] = {}
    for client, found in opened(replies):
        assert (found["op"], found["id"]) == ("acks", 0)
        rows.setdefault(client, []).extend(found["acks"])
    return rows


# --- refused ------------------------------------------------------------------------------------------------------


def test_each_bad_frame_on_ingest_is_counted_by_its_kind_and_what_is_good_is_taken(
    intake: Intake, counters: Counters
) -> None:
    good = [make(TOPIC, b"%d" % number, producer=1, sequence=number) for number in range(len(INGEST_BAD))]
    frames = [frame for pair in zip(good, (frame for _, frame in INGEST_BAD), strict=True) for frame in pair]
    done = intake.take(Turn(frames))
    assert [read(frame).body for frame in done.live] == [b"%d" % number for number in range(len(good))]
    assert [read(frame).offset for frame in done.live] == list(range(len(good)))
    assert done.replies == []
    assert counters.refused == Counter(("ingest", kind) for kind, _ in INGEST_BAD)
    assert counters.frames_received == len(frames)
    assert counters.records_appended == counters.frames_forwarded == len(good)


def test_each_bad_frame_on_control_is_counted_and_answered_by_its_kind(intake: Intake, counters: Counters) -> None:
    done = intake.take(Turn([], [(ANN, frame) for _, frame in CONTROL_BAD]))
    answers = opened(done.replies)
    assert [found["reason"] for _, found in answers] == [kind for kind, _ in CONTROL_BAD]
    assert {(client, found["op"], found["id"]) for client, found in answers} == {(ANN, "nack", 0)}
    assert all(found["detail"] for _, found in answers)
    assert counters.refused == Counter(("control", kind) for kind, _ in CONTROL_BAD)
    assert done.live == []


def test_a_refusal_names_the_frame_as_far_as_that_can_be_read(intake: Intake) -> None:
    frames = [
        make(TOPIC, b"x", flags=WRITTEN, producer=3, sequence=4, crc=1),
        make(b"a//b", b"x", flags=WRITTEN, producer=3, sequence=4),
        b"rubbish",
    ]
    answers = opened(intake.take(Turn([], [(ANN, frame) for frame in frames])).replies)
    named = [(found["topic"], found["producer"], found["sequence"]) for _, found in answers]
    assert named == [(TOPIC.decode(), 3, 4), (None, 0, 0), (None, 0, 0)]


# --- appended, forwarded, acknowledged ----------------------------------------------------------------------------


def test_written_is_acknowledged_once_appended_and_durable_not_before_a_sync(intake: Intake) -> None:
    turn = [
        (ANN, make(TOPIC, b"a", flags=WRITTEN, producer=1, sequence=0)),
        (BOB, make(TOPIC, batch(b"b", b"c"), flags=DURABLE | BATCH, count=2, producer=2, sequence=0)),
        (ANN, make(TOPIC, b"d", flags=DURABLE, producer=1, sequence=1)),
        (BOB, make(TOPIC, b"e", flags=WRITTEN, producer=2, sequence=2)),
    ]
    topic = TOPIC.decode()
    done = intake.take(Turn([], turn))
    assert ack_rows(done.replies) == {ANN: [[topic, 1, 0, 0, 1]], BOB: [[topic, 2, 2, 4, 1]]}
    assert [read(frame).offset for frame in done.live] == [0, 1, 3, 4]
    assert intake.durable_waiting
    assert ack_rows(intake.synced()) == {BOB: [[topic, 2, 0, 1, 2]], ANN: [[topic, 1, 1, 3, 2]]}
    assert intake.synced() == []


def test_durable_frames_of_several_turns_share_a_sync(intake: Intake, counters: Counters) -> None:
    for number in range(3):
        assert intake.take(Turn([], [(ANN, make(TOPIC, b"x", flags=DURABLE, sequence=number))])).replies == []
    assert [row[2] for row in ack_rows(intake.synced())[ANN]] == [0, 1, 2]
    assert counters.syncs == 1


def test_the_two_ports_share_a_turn_and_the_offsets(intake: Intake) -> None:
    done = intake.take(Turn([make(TOPIC, b"pushed")], [(ANN, make(TOPIC, b"produced", flags=WRITTEN))]))
    assert [(read(frame).offset, read(frame).body) for frame in done.live] == [(0, b"pushed"), (1, b"produced")]


def test_an_empty_turn_comes_to_nothing(intake: Intake, counters: Counters) -> None:
    assert intake.take(Turn([], [])) == ([], [], 0, 0)
    assert counters.frames_received == 0


# --- a journal that fails -----------------------------------------------------------------------------------------


def test_what_the_journal_refuses_goes_out_unstored_from_ingest_and_is_refused_on_control(
    intake: Intake, journal: MemoryJournal, counters: Counters
) -> None:
    journal.refuse[b"full"] = "disk_full"
    produced = [
        (ANN, make(b"full", b"1", flags=WRITTEN, producer=4, sequence=0)),
        (BOB, make(b"full", b"2", flags=DURABLE, producer=5, sequence=0)),
        (ANN, make(b"fine", b"3", flags=WRITTEN, producer=4, sequence=0)),
    ]
    done = intake.take(Turn([make(b"full", b"a"), make(b"fine", b"b"), make(b"full", b"c")], produced))
    live = {(frame.topic, frame.body): frame for frame in map(read, done.live)}
    assert set(live) == {(b"full", b"a"), (b"full", b"c"), (b"fine", b"b"), (b"fine", b"3")}
    for body in (b"a", b"c"):
        stamped = live[b"full", body]
        assert (stamped.offset, stamped.epoch, stamped.appended) == (UNSTORED, 0, NOW)
    assert [live[b"fine", body].offset for body in (b"b", b"3")] == [0, 1]
    nacks = [(client, found) for client, found in opened(done.replies) if found["op"] == "nack"]
    assert [
        (client, found["reason"], found["detail"], found["producer"], found["sequence"]) for client, found in nacks
    ] == [
        (ANN, "disk_full", "why disk_full", 4, 0),
        (BOB, "disk_full", "why disk_full", 5, 0),
    ]
    assert counters.refused == {("control", "disk_full"): 2}
    assert counters.frames_unstored == 2
    assert counters.records_appended == 2
    assert not intake.durable_waiting


def test_what_the_journal_refused_is_not_taken_for_stored_when_it_comes_again(
    intake: Intake, journal: MemoryJournal
) -> None:
    frame = make(b"full", b"1", flags=WRITTEN, producer=4, sequence=0)
    for refused in ("disk_full", None):
        journal.refuse = {b"full": refused} if refused is not None else {}
        ((_, found),) = opened(intake.take(Turn([], [(ANN, frame)])).replies)
        assert found["op"] == ("acks" if refused is None else "nack")
    assert [read(frame).body for frame in journal.logs[b"full"]] == [b"1"]


def test_a_failed_sync_is_a_refusal_for_each_frame_that_waited_for_it_and_counted(
    intake: Intake, counters: Counters
) -> None:
    topic = TOPIC.decode()
    turn = [(who, make(TOPIC, b"x", flags=DURABLE, producer=1, sequence=at)) for at, who in enumerate((ANN, BOB, ANN))]
    intake.take(Turn([], turn))
    answers = opened(intake.sync_failed("the disk is gone"))
    assert sorted(
        (client, found["reason"], found["topic"], found["producer"], found["sequence"]) for client, found in answers
    ) == [
        (ANN, "journal_failed", topic, 1, 0),
        (ANN, "journal_failed", topic, 1, 2),
        (BOB, "journal_failed", topic, 1, 1),
    ]
    assert {found["detail"] for _, found in answers} == {"the disk is gone"}
    assert counters.refused == {("control", "journal_failed"): 3}
    assert not intake.durable_waiting
    assert counters.syncs == 0


def test_with_a_real_journal_the_live_frames_are_the_bytes_of_its_segments(tmp_path: Path) -> None:
    journal = FileJournal(str(tmp_path), Config())
    intake = Intake(journal, Config(), Counters(), Ledger())
    done = intake.take(Turn([make(TOPIC, b"%d" % number) for number in range(10)]))
    assert b"".join(done.live) == on_disk(tmp_path, TOPIC.decode())
    assert {read(frame).epoch for frame in done.live} == {journal.epoch} != {EPOCH}
    journal.close()
