"""How far a topic is, and as whose and which its records travel."""

from __future__ import annotations

from pathlib import Path

import pytest
from lane_world import TOPIC

from mq.client import spool_writer
from mq.client.ack import Stored
from mq.client.batch import Batch, Kept, Outcome
from mq.client.flight import Window
from mq.client.lanes import Lane
from mq.client.spool import Spool
from mq.client.spool_track import SENT_AHEAD, Identity, Track
from mq.client.spool_writer import AGE_S_MAX, SpoolLimits
from mq.errors import Disconnected
from mq.frame import Wanted, pack
from mq.protocol import Nack


def sending(*places: int, producer: int = 5) -> Track:
    """Return a track that has sent single records."""
    track = Track()
    for place in places:
        assert track.append(1) == place
        track.feed(place, 1)
        track.send(place, 1, producer, place)
    return track


def test_what_is_settled_in_any_order_moves_the_floor_when_the_first_is() -> None:
    track = sending(0, 1, 2)
    track.settle(1, 1)
    assert (track.floor, track.pending) == (0, 2)
    track.settle(0, 1)
    assert (track.floor, track.pending, track.idle) == (2, 1, False)
    track.settle(2, 1)
    assert (track.floor, track.idle, track.identity.producer) == (3, True, 0)


def test_another_identity_waits_until_all_before_it_is_settled() -> None:
    track = sending(0, 1, 2)
    assert track.may_send(2, 5, 2)
    assert not track.may_send(2, 6, 0)
    assert not track.may_send(2, 5, 1)
    track.settle(0, 2)
    assert track.may_send(2, 6, 0)


def test_it_is_noted_before_something_is_sent_as_what_and_seldom_how_far() -> None:
    track = Track()
    noted = []
    for place in range(2 * SENT_AHEAD + 1):
        track.append(1)
        noted += [place] if track.send(place, 1, 5, place) else []
    assert noted == [0, SENT_AHEAD, 2 * SENT_AHEAD]


def test_what_an_earlier_life_may_have_sent_is_in_doubt_as_that_even_when_the_identity_has_changed() -> None:
    track = Track()
    track.recall(10, 12, Identity(10, 5, 3))
    assert all(track.found(place, 1) for place in range(10, 15))
    track.resume()
    assert [track.doubted(place) for place in range(10, 15)] == [(5, 3), (5, 4), None, None, None]
    track.feed(10, 1)
    track.settle(10, 1)
    track.send(11, 1, 6, 0)
    assert track.doubted(11) == (5, 4)


def test_what_is_missing_in_the_files_is_settled() -> None:
    track = Track()
    track.recall(5, 64, Identity(0, 5, 0))
    assert not track.found(3, 2)
    assert track.found(8, 2)
    assert not track.found(8, 2)
    track.resume()
    assert (track.floor, track.next, track.sent, track.doubted(8)) == (8, 10, 10, (5, 8))


def test_a_topic_of_which_nothing_may_have_been_sent_begins_anew() -> None:
    track = Track()
    track.recall(5, 5, Identity(0, 5, 0))
    track.found(5, 1)
    track.resume()
    assert (track.doubted(5), track.identity.producer) == (None, 0)


# --- the lane that takes it up


def resumed(*numbers: int) -> tuple[Lane, list[tuple[Batch, Outcome]], list[Batch]]:
    """Return a lane with records that an earlier life may have sent as producer 5."""
    told: list[tuple[Batch, Outcome]] = []
    lane = Lane(
        TOPIC,
        "tcp://broker",
        pack=lambda batch: pack(TOPIC, [b"%d" % batch.produced]),
        settle=lambda batch, outcome: told.append((batch, outcome)),
        window=Window(),
        new_id=iter(range(100, 200)).__next__,
    )
    return lane, told, [add(lane, number) for number in numbers]


def add(lane: Lane, number: int, producer: int = 5) -> Batch:
    batch = Batch(TOPIC, 0, produced=number, due=0.0, give_up_at=float("inf"))
    batch.count = 1
    batch.kept = Kept(number, 1, Wanted.DURABLE, (producer, number))
    lane.add(batch)
    return batch


def send_all(lane: Lane, now: float = 0.0) -> list[tuple[int, int]]:
    sent = []
    while (found := lane.next(now)) is not None:
        sent.append((lane.producer, found[1]))
        lane.sent(now)
    return sent


def test_a_lane_goes_on_under_an_earlier_lifes_id_and_numbers() -> None:
    lane, told, (first, second) = resumed(3, 4)
    assert send_all(lane) == [(5, 3), (5, 4)]
    lane.acknowledged(5, 3, Stored(0, "durable"), 0.0)
    lane.acknowledged(5, 4, Stored(1, "durable"), 0.0)
    assert told == [(first, Stored(0, "durable")), (second, Stored(1, "durable"))]
    add(lane, 5)
    assert send_all(lane) == [(5, 5)]


def test_once_the_broker_has_forgotten_that_id_what_comes_later_is_unknown_too() -> None:
    lane, told, (first,) = resumed(3)
    send_all(lane)
    lane.refused(Nack(0, "unknown_producer", "", TOPIC, 5, 3), 0.0)
    later = add(lane, 4)
    assert [(batch, type(outcome)) for batch, outcome in told] == [(first, Disconnected), (later, Disconnected)]
    assert lane.idle


def test_what_is_behind_a_hole_is_not_stored_and_goes_on_under_a_new_id() -> None:
    lane, told, _ = resumed(7)
    send_all(lane)
    lane.refused(Nack(0, "out_of_sequence", "", TOPIC, 5, 7, 5), 0.0)
    add(lane, 8)
    assert send_all(lane, 10.0) == [(101, 0), (101, 1)]
    assert told == []


# --- what the files say of it


def test_as_what_a_record_travels_is_known_when_the_segment_that_said_so_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_writer, "SEGMENTS", 8_000)
    spool = Spool(str(tmp_path), SpoolLimits(bytes_max=4 << 20), Wanted.DURABLE)
    for number in range(30):
        batch = Batch(TOPIC, 0, produced=number, due=0.0, give_up_at=0.0)
        batch.count = 1
        assert spool.keep(batch, pack(TOPIC, [b"x" * 50]), has_room=True)
        assert spool.may_send(batch, 5, number)
    first = spool._files.segments[0]
    spool._writer.drop_old(first.newest + int(AGE_S_MAX * 1_000_000_000) + 1)
    assert not Path(first.path).exists()
    spool._files.close()
    later = Spool(str(tmp_path), SpoolLimits(bytes_max=4 << 20), Wanted.DURABLE)
    found, _ = later.feed(0.0, lambda _: True)
    assert [batch.kept.doubt for batch in found if batch.kept] == [
        (5, number) for number in range(first.ends[TOPIC], 30)
    ]
    assert 0 < first.ends[TOPIC] < 20
    later.close()
