"""Other calls of a broker that serves fail: it refuses with the reason, and goes on by itself with no hole."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from broker_process import BrokerProcess
from checker import ACKNOWLEDGED
from conftest import StartBroker
from load import ANSWER_S_MAX
from rounds import TOPICS, Rounds
from tracing import MKDIRS, SYNCS, Fault, Tracing, log_path
from waiting import eventually

from mq.journal.verify import verify

OFTEN = {"MINIMQ_SYNC_INTERVAL_S": "0.05"}
TINY = {**OFTEN, "MINIMQ_SEGMENT_BYTES": "4096"}
OTHER = "another/topic"
OFFSETS_MAX = 400
THRICE = "1..3"

ALL_STORED = set(ACKNOWLEDGED)
Paths = Callable[[Path], list[Path]]


def the_log(data: Path) -> list[Path]:
    """Return a log that is written to."""
    return [log_path(data, TOPICS[0])]


def a_new_log(data: Path) -> list[Path]:
    """Return the log of a topic that is not there yet."""
    return [log_path(data, OTHER)]


def a_new_directory(data: Path) -> list[Path]:
    """Return the directory of such a topic."""
    return [data / "topics" / OTHER]


def the_next_log(data: Path) -> list[Path]:
    """Return every segment that a roll may begin."""
    paths = [log_path(data, TOPICS[0], base) for base in range(OFFSETS_MAX)]
    return [path for path in paths if not path.exists()]


REFUSALS: dict[str, tuple[Paths, str, dict[str, str]]] = {
    "a write": (
        the_log,
        "write",
        {"ENOSPC": "disk_full", "EDQUOT": "disk_full", "EROFS": "read_only", "EIO": "journal_failed"},
    ),
    "the first write of a topic": (a_new_log, "write", {"ENOSPC": "disk_full", "EIO": "journal_failed"}),
    "a new log": (
        a_new_log,
        "openat",
        {"EMFILE": "files_exhausted", "ENFILE": "files_exhausted", "EIO": "journal_failed"},
    ),
    "a new directory": (
        a_new_directory,
        MKDIRS,
        {"ENOSPC": "disk_full", "EDQUOT": "disk_full", "EROFS": "read_only", "EIO": "journal_failed"},
    ),
    "a roll": (
        the_next_log,
        "openat",
        {"EMFILE": "files_exhausted", "ENOSPC": "disk_full", "EROFS": "read_only", "EIO": "journal_failed"},
    ),
}
CASES = [
    pytest.param(Fault(calls, error, THRICE), paths, reason, id=f"{name}, {error}")
    for name, (paths, calls, errors) in REFUSALS.items()
    for error, reason in errors.items()
]


@pytest.mark.parametrize(("fault", "paths", "reason"), CASES)
def test_a_call_that_fails_is_refused_with_its_reason_and_what_comes_after_is_taken(
    start_broker: StartBroker, tmp_path: Path, fault: Fault, paths: Paths, reason: str
) -> None:
    broker = start_broker(**(TINY if paths is the_next_log else OFTEN))
    with Rounds(broker.control, broker.ingest) as rounds:
        assert rounds.go() == ALL_STORED
        topics = (*TOPICS, OTHER)
        with Tracing(broker.process.pid, tmp_path / "trace", fault, paths(broker.data)) as tracing:
            eventually(lambda: "refused" in rounds.go(topics), ANSWER_S_MAX)
            eventually(lambda: rounds.go(topics) == ALL_STORED, ANSWER_S_MAX)
        assert len(tracing.failed) == 3
        assert rounds.reasons == {reason}
        rounds.hold(topics)
        assert rounds.go(topics) == ALL_STORED
        prove(broker, rounds)


def prove(broker: BrokerProcess, rounds: Rounds) -> None:
    """See that all is there after a kill and after a clean end, and that it is whole."""
    for end in (broker.kill, broker.stop):
        end()
        assert verify(str(broker.data)).whole
        broker.start()
        rounds.hold((*TOPICS, OTHER))
        assert rounds.go((*TOPICS, OTHER)) == ALL_STORED
    assert broker.stop() == 0


@contextmanager
def files_up_to(broker: BrokerProcess, size: int) -> Iterator[None]:
    """Let the kernel end each of the broker's files at `size` bytes: a write beyond that is a short one."""
    soft, hard = resource.prlimit(broker.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(broker.process.pid, resource.RLIMIT_FSIZE, (size, hard))
    yield
    resource.prlimit(broker.process.pid, resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("room", [1, 100, 500])
def test_a_short_write_is_cut_off_and_refused_and_what_comes_after_is_taken(
    start_broker: StartBroker, room: int
) -> None:
    broker = start_broker(**OFTEN)
    path = log_path(broker.data, TOPICS[0])
    with Rounds(broker.control, broker.ingest) as rounds:
        assert rounds.go() == ALL_STORED
        for _ in range(3):
            size = path.stat().st_size
            with files_up_to(broker, size + room):
                eventually(lambda: rounds.go(TOPICS[:1]) == {"refused"}, ANSWER_S_MAX)
                assert path.stat().st_size <= size + room
                rounds.hold()
            assert rounds.go() == ALL_STORED
            rounds.hold()
        assert rounds.reasons == {"disk_full"}
        prove(broker, rounds)


@pytest.mark.parametrize("killed", [False, True], ids=["served on", "killed"])
def test_a_short_write_that_cannot_be_cut_holds_up_its_topic_alone_until_it_can(
    start_broker: StartBroker, tmp_path: Path, killed: bool
) -> None:
    broker = start_broker(**OFTEN)
    path = log_path(broker.data, TOPICS[0])
    with Rounds(broker.control, broker.ingest) as rounds:
        assert rounds.go() == ALL_STORED
        with Tracing(broker.process.pid, tmp_path / "trace", Fault("truncate", "EIO", "1+"), [path]):
            with files_up_to(broker, path.stat().st_size + 100):
                assert rounds.go(TOPICS[:1]) == {"refused"}
            assert rounds.go(TOPICS[:1]) == {"refused"}
            assert rounds.go(TOPICS[1:]) == ALL_STORED
            assert rounds.reasons == {"disk_full", "journal_failed"}
            assert [finding.kind for finding in verify(str(broker.data)).findings] == ["torn"]
            rounds.hold()
            if killed:
                broker.kill()
        if killed:
            broker.start()
        assert rounds.go() == ALL_STORED
        prove(broker, rounds)


def test_a_directory_for_which_no_descriptor_is_to_be_had_is_synced_with_all_the_rest(
    start_broker: StartBroker, tmp_path: Path
) -> None:
    broker = start_broker(**OFTEN)
    paths = [broker.data, *a_new_directory(broker.data)]
    with Rounds(broker.control, broker.ingest) as rounds:
        with Tracing(broker.process.pid, tmp_path / "trace", Fault("openat", "EMFILE"), paths, SYNCS) as tracing:
            assert rounds.go((OTHER,)) == ALL_STORED
        assert len(tracing.failed) == 1
        assert "syncfs(" in tracing.after[0]
        prove(broker, rounds)
