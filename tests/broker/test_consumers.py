"""What the broker answers about consumers: bounds, refusals, expiry, and what it finds again after a restart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from consumer_kit import NAME, SECONDS, Scene

from mq.broker import consumer_log, consumers
from mq.errors import BadMessage, BadPattern, BadTopic
from mq.protocol import (
    Agreed,
    Commit,
    ConsumerList,
    Consumers,
    DeleteConsumer,
    Join,
    Lease,
    Leave,
    Positions,
    ResetConsumer,
    Settle,
)

DAY_S = 86_400


@pytest.fixture
def scene(tmp_path: Path) -> Any:
    made = Scene(tmp_path / "data")
    yield made
    made.journal.close()


def names(scene: Scene) -> list[str]:
    reply = scene.ask(Consumers(1))
    assert isinstance(reply, ConsumerList)
    return [row[0] for row in reply.consumers]


def commit(scene: Scene, *positions: list[Any], member: int = 1) -> Commit:
    return Commit(scene.number(), NAME, member, list(positions))


# --- bad input ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "request_",
    [
        Join(1, "a/b", 1, "me", ["#"]),
        Join(1, "", 1, "me", ["#"]),
        Join(1, "x" * 101, 1, "me", ["#"]),
        Join(1, NAME, 0, "me", ["#"]),
        Join(1, NAME, 1, "", ["#"]),
        Join(1, NAME, 1, "m\ne", ["#"]),
        Join(1, NAME, 1, "m" * 101, ["#"]),
        Join(1, NAME, 1, "me", ["#/a"]),
        Join(1, NAME, 1, "me", ["#"], seconds=0),
        Join(1, NAME, 1, "me", ["#"], seconds=3_601),
        Leave(1, NAME, 0),
        Positions(1, "../x"),
        Commit(1, NAME, 1, []),
        Commit(1, NAME, 1, [["a", 0, 0]] * 2),
        Commit(1, NAME, 1, [[f"t{number}", 0, 0] for number in range(257)]),
        Commit(1, NAME, 1, [["a", -1, 0]]),
        Commit(1, NAME, 1, [["a", 0, True]]),
        Commit(1, NAME, 1, [["a", 0]]),
        Commit(1, NAME, 1, [["a", 0, 2**64]]),
        Commit(1, NAME, 1, [["a//b", 0, 0]]),
        Commit(1, NAME, 1, [7]),
        Lease(1, NAME, 1, 0),
        Lease(1, NAME, 1, 1_001),
        Settle(1, NAME, 1, []),
        Settle(1, NAME, 1, [["a", 1, 1]]),
        Settle(1, NAME, 1, [["a", 2, 1]]),
        Settle(1, NAME, 1, [["a", 0, 1]] * 257),
        Settle(1, NAME, 1, [], [None]),
        ResetConsumer(1, NAME, [[None, 0, 0]]),
        DeleteConsumer(1, ".hidden"),
    ],
    ids=repr,
)
def test_a_request_that_cannot_be_meant_is_refused_before_anybody_looks(scene: Scene, request_: Any) -> None:
    with pytest.raises((BadMessage, BadPattern, BadTopic)):
        scene.ask(request_)
    assert names(scene) == []


def test_a_consumer_that_there_is_not_and_a_member_that_is_none_are_told_apart(scene: Scene) -> None:
    for request in (
        Leave(1, NAME, 1),
        Positions(1, NAME),
        commit(scene, ["a", 0, 0]),
        Lease(1, NAME, 1, 5),
        Settle(1, NAME, 1, [["a", 0, 1]]),
        ResetConsumer(1, NAME, [["a", 0, 0]]),
        DeleteConsumer(1, NAME),
        Join(1, NAME, 1, "me", ["#"], renew=True),
    ):
        assert scene.error(request) == "no_consumer"
    scene.join(1)
    for request in (
        commit(scene, ["a", 0, 0], member=2),
        Lease(1, NAME, 2, 5),
        Settle(1, NAME, 2, [["a", 0, 1]]),
        Join(1, NAME, 2, "me", ["jobs/#"], shared=True, renew=True),
    ):
        assert scene.error(request) == "fenced"


def test_the_two_kinds_do_not_mix(scene: Scene) -> None:
    scene.join(1, shared=False)
    assert scene.error(Lease(1, NAME, 1, 5)) == "bad_request"
    assert scene.error(Settle(1, NAME, 1, [["a", 0, 1]])) == "bad_request"
    assert scene.error(Join(1, NAME, 2, "me", ["#"], shared=True)) == "bad_request"


def test_a_position_that_the_journal_never_gave_is_refused_and_nothing_of_the_request_is_kept(scene: Scene) -> None:
    scene.append("a", 3)
    scene.join(1, shared=False)
    epoch = scene.journal.epoch
    for offset, wrong in ((4, epoch), (3, epoch - 1), (2, epoch + 1), (2**64 - 1, 0)):
        assert scene.error(commit(scene, ["b", 0, 0], ["a", offset, wrong])) == "rewound"
    assert scene.error(commit(scene, ["no/such", 1, epoch])) == "rewound"
    assert scene.positions() == {}
    assert isinstance(scene.ask(commit(scene, ["a", 3, epoch])), Agreed)
    assert scene.positions() == {"a": (3, epoch, 0)}


def test_a_position_in_a_topic_that_was_deleted_may_be_committed(scene: Scene) -> None:
    scene.append("a", 3)
    scene.join(1, shared=False)
    scene.journal.delete(["a"])
    assert isinstance(scene.ask(commit(scene, ["a", 3, scene.journal.epoch])), Agreed)
    assert isinstance(scene.ask(commit(scene, ["a", 2, scene.journal.epoch])), Agreed)
    assert scene.error(commit(scene, ["a", 4, scene.journal.epoch])) == "rewound"


# --- bounds -------------------------------------------------------------------------------------------------------


def test_each_bound_has_a_name_and_is_told_by_it(tmp_path: Path) -> None:
    limits = {"consumers_max": 2, "consumer_topics_max": 2, "consumer_members_max": 2, "consumer_rows_max": 3}
    scene = Scene(tmp_path / "data", **limits)
    scene.join(1, shared=False)
    scene.ask(Join(1, "second", 1, "me", ["#"], shared=True))
    told = [
        scene.ask(Join(1, "third", 1, "me", ["#"])),
        scene.ask(commit(scene, *[[topic, 0, 0] for topic in "abc"])),
    ]
    scene.ask(Join(1, "second", 2, "me", ["#"], shared=True))
    told.append(scene.ask(Join(1, "second", 3, "me", ["#"], shared=True)))
    assert [(it.error, it.facts["setting"]) for it in told] == [
        ("limit", "consumers_max"),
        ("limit", "consumer_topics_max"),
        ("limit", "consumer_members_max"),
    ]
    scene.append("a", 10)
    assert sum(row[2] - row[1] for row in scene.ask(Lease(1, "second", 1, 10)).leases) == 3
    scene.journal.close()


def test_a_shared_consumer_that_meets_too_many_topics_says_so_and_gives_out_the_others(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "data", consumer_topics_max=2)
    for topic in ("jobs/a", "jobs/b", "jobs/c"):
        scene.append(topic, 1)
    scene.join(1)
    assert len(scene.lease(1)) == 2
    assert scene.error(Lease(1, NAME, 1, 5)) == "limit"
    scene.journal.close()


# --- members ------------------------------------------------------------------------------------------------------


def test_a_holder_is_named_until_it_has_been_silent_for_its_time(scene: Scene) -> None:
    scene.join(1, shared=False)
    scene.now += SECONDS - 1
    reply = scene.join(2, shared=False)
    assert (reply.error, reply.facts) == ("held", {"consumer": NAME, "label": "m1", "seconds": 1})
    scene.restart()
    assert scene.join(2, shared=False).error == "held"
    scene.now += SECONDS + 1
    assert isinstance(scene.join(2, shared=False), Agreed)
    assert scene.error(commit(scene, ["a", 0, 0])) == "fenced"


def test_a_record_that_kills_its_readers_takes_no_others_with_it(scene: Scene) -> None:
    scene.append("jobs/a", 10)
    for member in range(1, 7):
        scene.join(member)
        while rows := scene.lease(member):
            ((topic, first, stop, _),) = rows
            if first == 0:
                break  # and is never heard of again
            assert scene.settle(member, done=[[topic, first, stop]]) == []
        scene.now += SECONDS + 1
        scene.consuming.step()
    scene.join(9)
    assert scene.lease(9) == []
    assert [(letter["offset"], letter["tries"], letter["body"]) for letter in scene.letters()] == [(0, 5, b"0")]
    assert scene.positions() == {"jobs/a": (10, 0, 0)}


def test_a_journal_that_lost_its_end_gives_out_anew_what_it_stores_there(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "data")
    scene.append("jobs/a", 4)
    scene.restart()
    scene.append("jobs/a", 4)
    scene.join(1)
    assert scene.lease(1) == [["jobs/a", 0, 8, 1]]
    scene.settle(1, done=[["jobs/a", 0, 6]])
    scene.journal.close()
    log = next((tmp_path / "data/topics/jobs/a").glob("@*.log"))
    log.write_bytes(log.read_bytes()[: log.stat().st_size // 2])
    (tmp_path / "data/topics/jobs/a/@mark").unlink()
    scene.start()
    scene.append("jobs/a", 9)
    scene.join(1)
    assert scene.lease(1) == [["jobs/a", 4, 13, 1]]
    scene.journal.close()


def test_consumers_that_nobody_uses_expire_and_those_at_work_do_not(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "data", consumer_expiry_s=10 * DAY_S)
    scene.join(1, shared=False)
    scene.ask(Join(1, "busy", 1, "me", ["#"]))
    for _ in range(11 * 48):
        scene.now += DAY_S / 48
        scene.ask(Join(1, "busy", 1, "me", ["#"], renew=True))
        scene.consuming.step()
    assert names(scene) == ["busy"]
    scene.restart()
    scene.consuming.step()
    assert names(scene) == ["busy"]
    scene.journal.close()


# --- the log ------------------------------------------------------------------------------------------------------


def test_the_log_stays_small_and_tells_the_same_after_each_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer_log, "EVENTS_BYTES_LEAST", 2_000)
    scene = Scene(tmp_path / "data")
    scene.append("a", 1_000)
    scene.append("b", 10)
    scene.join(1, shared=False)
    scene.ask(commit(scene, ["b", 7, 0]))
    sizes = []
    for offset in range(1_000):
        assert isinstance(scene.ask(commit(scene, ["a", offset, 0])), Agreed)
        scene.journal.checkpoint()
        scene.consuming.step()
        sizes.append(sum(path.stat().st_size for path in (tmp_path / "data/topics/_mq/consumers").glob("@*.log")))
    assert max(sizes) < 20_000
    assert scene.first(consumer_log.TOPIC) > 500
    scene.restart()
    assert scene.positions() == {"a": (999, 0, 0), "b": (7, 0, 0)}
    scene.journal.close()


@pytest.mark.parametrize("keep", [0.3, 0.6, 0.95])
def test_damage_costs_what_it_must_and_the_broker_starts(tmp_path: Path, keep: float) -> None:
    scene = Scene(tmp_path / "data")
    scene.append("a", 100)
    scene.join(1, shared=False)
    for offset in range(100):
        scene.ask(commit(scene, ["a", offset, 0]))
    scene.journal.close()
    log = next((tmp_path / "data/topics/_mq/consumers").glob("@*.log"))
    content = bytearray(log.read_bytes())
    content[int(len(content) * keep)] ^= 0xFF
    log.write_bytes(content)
    scene.start()
    assert scene.positions() == {"a": (99, 0, 0)}
    scene.journal.close()


def test_retention_leaves_the_log_alone(tmp_path: Path) -> None:
    kept = {"segment_age_s": 1.0, "topic_age_s": 1.0, "topic_bytes_max": 4096, "journal_bytes_max": 1 << 20}
    scene = Scene(tmp_path / "data", segment_bytes=4096, **kept)
    scene.append("a", 100)
    scene.join(1, shared=False)
    for offset in range(100):
        scene.ask(commit(scene, ["a", offset, 0]))
    for _ in range(50):
        scene.journal.tidy()
    assert scene.first(consumer_log.TOPIC) == 0
    scene.journal.close()


def test_a_log_that_does_not_tell_a_subscribers_patterns_is_read_and_they_are_noted_when_it_joins_again(
    tmp_path: Path,
) -> None:
    """As brokers wrote it before they noted them."""
    scene = Scene(tmp_path / "data")
    old = {"do": "join", "consumer": NAME, "member": 1, "label": "m1", "seconds": SECONDS, "shared": False}
    events = [{**old, "patterns": [], "at": 1}, {"do": "set", "consumer": NAME, "rows": [["jobs/a", 0, 0]], "at": 1}]
    consumer_log.ConsumerLog(scene.journal).append(events)
    scene.restart()
    assert scene.told_patterns() == []
    assert scene.positions() == {"jobs/a": (0, 0, 0)}
    assert scene.join(1, ("jobs/#", "b"), shared=False).OP == "agreed"
    for _ in range(2):
        assert scene.told_patterns() == ["jobs/#", "b"]
        scene.restart()


def test_a_snapshot_keeps_a_subscribers_patterns() -> None:
    join = {"do": "join", "consumer": NAME, "member": 1, "label": "m", "seconds": 9, "shared": False}
    before = consumers.Consumers()
    before.apply({**join, "patterns": ["a/#"]})
    kept = list(before.snapshot())
    found = consumers.replayed([{"do": "begin"}, *kept, {"do": "end", "events": len(kept)}]).get(NAME)
    assert found is not None
    assert found.patterns == ("a/#",)
