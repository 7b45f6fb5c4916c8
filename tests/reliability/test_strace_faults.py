"""Syncs of a broker that serves are made to fail by strace: what was acknowledged stays, and nothing else follows."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from broker_process import BrokerProcess
from checker import ACKNOWLEDGED
from conftest import StartBroker
from load import ANSWER_S_MAX
from rounds import TOPICS, Rounds
from tracing import SYNCS, Fault, Tracing
from waiting import eventually

from mq.journal.verify import verify

OFTEN = {"MINIMQ_SYNC_INTERVAL_S": "0.05"}
TINY = {**OFTEN, "MINIMQ_SEGMENT_BYTES": "4096"}
ONLY_WHEN_ASKED = {"MINIMQ_SYNC_INTERVAL_S": "3600"}
MANY = tuple(f"host/n{number}/cpu" for number in range(40))
OTHER = "another/topic"
TIMES = 3


def readiness(broker: BrokerProcess) -> tuple[int, dict[str, str]]:
    """Return what /readyz says."""
    try:
        with urlopen(f"{broker.ops}/readyz", timeout=ANSWER_S_MAX) as answer:  # noqa: S310 - our own broker's
            return answer.status, json.load(answer)
    except HTTPError as error:
        with error:
            return error.code, json.load(error)


FAILED_SYNCS = {
    "a log's": (Fault("fdatasync", "EIO"), OFTEN, TOPICS),
    "a later one of a log": (Fault("fdatasync", "EIO", "40"), OFTEN, TOPICS),
    "a log's, before a roll or in one": (Fault("fdatasync", "EIO", "9"), TINY, TOPICS),
    "a log's, where nothing else asks for one": (Fault("fdatasync", "EIO", "2"), ONLY_WHEN_ASKED, TOPICS),
    "a log's, no room": (Fault("fdatasync", "ENOSPC", "3"), OFTEN, TOPICS),
    "a log's, no quota": (Fault("fdatasync", "EDQUOT", "3"), OFTEN, TOPICS),
    "a log's, read-only": (Fault("fdatasync", "EROFS", "3"), OFTEN, TOPICS),
    "a directory's": (Fault("fsync", "EIO"), TINY, TOPICS),
    "a later one of a directory": (Fault("fsync", "EIO", "7"), TINY, TOPICS),
    "a directory's, no room": (Fault("fsync", "ENOSPC", "2"), TINY, TOPICS),
    "the file system's": (Fault("syncfs", "EIO"), OFTEN, MANY),
    "a later one of the file system": (Fault("syncfs", "EIO", "4"), OFTEN, MANY),
    "the file system's, no room": (Fault("syncfs", "ENOSPC"), OFTEN, MANY),
}


@pytest.mark.parametrize("case", FAILED_SYNCS.values(), ids=FAILED_SYNCS)
def test_after_a_sync_that_failed_nothing_is_acknowledged_or_synced_again_and_reading_goes_on(
    start_broker: StartBroker, tmp_path: Path, case: tuple[Fault, dict[str, str], tuple[str, ...]]
) -> None:
    fault, settings, topics = case
    broker = start_broker(**settings)
    with Rounds(broker.control, broker.ingest) as rounds:
        assert rounds.go() == set(ACKNOWLEDGED)
        with Tracing(broker.process.pid, tmp_path / "trace", fault, seen=SYNCS) as tracing:
            eventually(lambda: "refused" in rounds.go(topics), ANSWER_S_MAX)
            assert_none_after_a_refusal(rounds)
            assert_it_says_why(broker, os.strerror(getattr(errno, fault.error)))
            for _ in range(TIMES):
                rounds.push_in_vain(topics)
                assert rounds.go((*topics, OTHER)) == {"refused"}
            rounds.hold((*topics, *TOPICS))
            assert broker.stop() == 1
        assert len(tracing.failed) == 1
        assert tracing.after == []
        assert verify(str(broker.data)).whole
        broker.start()
        rounds.hold((*topics, *TOPICS, OTHER))
        assert rounds.go((*topics, OTHER)) == set(ACKNOWLEDGED)
        rounds.hold((*topics, *TOPICS, OTHER))
    assert broker.stop() == 0


def assert_none_after_a_refusal(rounds: Rounds) -> None:
    """See that of no level and topic a frame was acknowledged that was sent after one that was not."""
    for answers in rounds.answers.values():
        assert answers == sorted(answers, key=lambda answer: answer == "refused"), rounds.answers


def assert_it_says_why(broker: BrokerProcess, error: str) -> None:
    """See the reason where an operator looks."""
    code, said = readiness(broker)
    assert (code, said["status"]) == (503, "failed")
    assert said["why"].startswith(f"a sync failed: {broker.data}")
    assert said["why"].endswith(error)
    assert f"{said['why']}; nothing more is appended until the broker is started again" in broker.log.read_text()


def test_a_mark_that_cannot_be_synced_is_a_sync_that_failed(start_broker: StartBroker, tmp_path: Path) -> None:
    broker = start_broker(**OFTEN)
    mark = broker.data / "topics" / TOPICS[0] / "@mark"
    with Rounds(broker.control, broker.ingest) as rounds:
        rounds.go()
        with Tracing(broker.process.pid, tmp_path / "trace", Fault("fdatasync", "EIO"), [mark]) as tracing:
            eventually(lambda: rounds.go() == {"refused"}, ANSWER_S_MAX)
            assert readiness(broker)[0] == 503
            assert broker.stop() == 1
        assert len(tracing.failed) == 1
        assert tracing.after == []
        broker.start()
        rounds.hold()
        assert rounds.go() == set(ACKNOWLEDGED)
    assert broker.stop() == 0


@pytest.mark.parametrize("call", ["fdatasync", "fsync", "syncfs"])
def test_what_waits_for_a_sync_that_fails_is_not_acknowledged(
    start_broker: StartBroker, tmp_path: Path, call: str
) -> None:
    """The first sync there is fails: of the log alone, with that of a new topic's directory, of many topics at once."""
    broker = start_broker(**ONLY_WHEN_ASKED)
    waiting = (OTHER,) if call == "fsync" else TOPICS
    with Rounds(broker.control, broker.ingest) as rounds:
        rounds.go()
        if call == "syncfs":
            assert rounds.go(MANY, ("written",)) == {"written"}
        with Tracing(broker.process.pid, tmp_path / "trace", Fault(call, "EIO"), seen=SYNCS) as tracing:
            assert rounds.go(waiting, ("durable",)) == {"refused"}
            assert broker.stop() == 1
        assert len(tracing.failed) == 1
        assert tracing.after == []
        broker.start()
        rounds.hold((*TOPICS, *MANY, OTHER))
        assert rounds.go() == set(ACKNOWLEDGED)
    assert broker.stop() == 0
