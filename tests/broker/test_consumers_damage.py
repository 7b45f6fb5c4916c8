"""Damage in the consumers' log: whatever of it is lost, a record that nobody has settled is given out again."""

from __future__ import annotations

from typing import Any

import msgpack
import pytest
from consumer_kit import NAME, Scene
from hypothesis import given, settings
from hypothesis import strategies as st

from mq.broker import consumer_log
from mq.broker.consumers import Consumer, Consumers, Event, replayed
from mq.broker.places import NOBODY
from mq.protocol import Leave

TOPIC = "jobs/a"
RECORDS = 40


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    """Return a log with all kinds of events in it, and a snapshot in the middle."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(consumer_log, "EVENTS_BYTES_LEAST", 10_000)
        scene = Scene(tmp_path_factory.mktemp("log") / "data", consumer_tries_max=99)
        scene.append(TOPIC, RECORDS)
        for member in (1, 2):
            scene.join(member)
        for at in range(0, RECORDS // 2, 4):
            take_and_settle(scene, 1 + at % 8 // 4)
        patch.setattr(consumer_log, "EVENTS_BYTES_LEAST", 0)
        scene.consuming.step()
        patch.setattr(consumer_log, "EVENTS_BYTES_LEAST", 10_000)
        scene.ask(Leave(scene.number(), NAME, 1))
        scene.join(3)
        for _ in range(RECORDS):
            scene.now += 0.5
            take_and_settle(scene, 3)
        found = [msgpack.unpackb(record) for record in scene.records(consumer_log.TOPIC)]
        scene.journal.close()
    assert {event["do"] for event in found} >= {"join", "lease", "settle", "release", "leave", "begin", "places", "end"}
    return found


def take_and_settle(scene: Scene, member: int) -> None:
    """Take records, settle the even ones of them, release some others."""
    taken = [at for _, first, stop, _ in scene.lease(member, 4) for at in range(first, stop)]
    rows = {"done": [at for at in taken if at % 2 == 0], "failed": [at for at in taken if at % 5 == 0 and at % 2]}
    if any(rows.values()):
        scene.settle(member, **{kind: [[TOPIC, at, at + 1] for at in offsets] for kind, offsets in rows.items()})


def settled(events: list[Event]) -> set[int]:
    """Return the records that were settled."""
    rows: list[list[Any]] = [row for event in events if event["do"] == "settle" for row in event["rows"]]
    return {at for _, first, stop in rows for at in range(first, stop)}


def still_due(consumers: Consumers) -> set[int]:
    """Return the records that are, or will be, with a member that there is."""
    consumer = consumers.get(NAME) or Consumer(NAME)
    place = consumer.place(TOPIC)
    known = {*consumer.members, NOBODY}
    assert all(piece.holder in known for piece in place.pieces)
    assert consumer.open == place.open
    assert TOPIC in consumer.waiting or not any(place.held_by(NOBODY))
    assert consumer.shared or not place.pieces
    waiting = {at for piece in place.pieces for at in range(piece.first, piece.next)}
    return waiting | set(range(place.next, RECORDS))


@given(first=st.integers(0, 200), lost=st.integers(0, 60))
@settings(max_examples=300, deadline=None)
def test_what_is_lost_of_it_loses_no_record(events: list[Event], first: int, lost: int) -> None:
    start = first % len(events)
    left = events[:start] + events[start + lost :]
    assert still_due(replayed(left)) | settled(events) == set(range(RECORDS))


def test_whole_it_gives_out_nothing_that_was_settled(events: list[Event]) -> None:
    assert still_due(replayed(events)) == set(range(RECORDS)) - settled(events)
