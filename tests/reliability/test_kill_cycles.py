"""A broker under load is killed again and again, also while it starts: nothing that was acknowledged is lost."""

from __future__ import annotations

import logging
import os
import random
import select
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from broker_process import BrokerProcess
from checker import Kept, assert_dense, sort
from conftest import StartBroker
from load import Load, kept_in
from waiting import eventually

from mq.client.link import Link
from mq.frame import split

SEGMENT_BYTES = ("4096", "262144")  # so a kill falls into a roll, or far behind a mark
ACKNOWLEDGED_S_MAX = 60.0
START_S = 0.4
SETTINGS = {"MINIMQ_SEGMENT_BYTES": SEGMENT_BYTES[0], "MINIMQ_SYNC_INTERVAL_S": "0.05"}

log = logging.getLogger(__name__)


def start_and_kill(broker: BrokerProcess, seconds: float) -> None:
    """Start the broker, and kill it at a moment before it is ready, or as it gets ready."""
    ports = [f"--{name}={endpoint}" for name, endpoint in broker.endpoints.items() if name != "ops"]
    command = [sys.executable, "-m", "mq.cli", "broker", "--data", str(broker.data), *ports, "--ops=tcp://127.0.0.1:*"]
    with (
        broker.log.open("ab") as said,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=said, env={**os.environ, **broker.settings}
        ) as process,
    ):
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], seconds)
        process.kill()
    log.info("killed %s it was ready", "after" if ready else "before")


def segments(broker: BrokerProcess) -> int:
    """Return how many segments there are."""
    return len(list(broker.data.rglob("@*.log")))


def live_through(broker: BrokerProcess, load: Load, cycles: int, chance: random.Random) -> list[int]:
    """Kill and start again so many times, and return the epoch of each life that served."""
    epochs = [epoch_of(broker)]
    for _ in range(cycles):
        if chance.random() < 0.15:
            eventually(load.pushes(), ACKNOWLEDGED_S_MAX)
        eventually(load.has_grown_by(chance.randrange(1, 120)), ACKNOWLEDGED_S_MAX)
        broker.kill()
        while chance.random() < 0.4:
            start_and_kill(broker, chance.uniform(0, START_S))
        broker.settings["MINIMQ_SEGMENT_BYTES"] = chance.choice(SEGMENT_BYTES)
        broker.start()
        epochs.append(epoch_of(broker))
    eventually(load.has_grown_by(1), ACKNOWLEDGED_S_MAX)
    if segments(broker) <= 2 * len(epochs):  # chance has chosen large ones, and little load
        broker.kill()
        broker.settings["MINIMQ_SEGMENT_BYTES"] = SEGMENT_BYTES[0]
        broker.start()
        epochs.append(epoch_of(broker))
        eventually(lambda: segments(broker) > 2 * len(epochs), ACKNOWLEDGED_S_MAX)
    return epochs


def epoch_of(broker: BrokerProcess) -> int:
    """Return the number of this life."""
    with Link(broker.control) as link:
        return link.hello().epoch


def epochs_on_disk(data: Path, topic: str) -> list[int]:
    """Return the epoch of each frame of a topic, in order."""
    segments = sorted((data / "topics" / topic).glob("@*.log"))
    return [frame.header.epoch for segment in segments for frame in split(segment.read_bytes())]


def verify(data: Path) -> subprocess.CompletedProcess[str]:
    """Run ``minimq verify``."""
    command = [sys.executable, "-m", "mq.cli", "verify", str(data)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def prove(broker: BrokerProcess, cycles: int) -> None:
    """Run the cycles, and hold all that is kept against all that was told."""
    chance = random.Random(cycles)  # noqa: S311 - the same moments each time, as far as moments can be
    with Load(broker.ingest, broker.control) as load:
        epochs = live_through(broker, load, cycles, chance)
    assert all(before < after for before, after in pairwise(epochs))
    broker.restart()
    kept = {topic: kept_in(broker.control, topic) for topic in load.topics}
    verdict = sort(load.told, kept)
    log.info("%d kills, %d records kept: %s", cycles, sum(map(len, kept.values())), verdict.counts)
    assert not verdict.wrong
    assert {"written", "durable", "unknown"} <= set(verdict.counts)
    assert "refused" not in verdict.counts
    assert broker.stop() == 0
    assert_whole(broker, kept, set(epochs))


def assert_whole(broker: BrokerProcess, kept: dict[str, list[Kept]], epochs: set[int]) -> None:
    """See that offsets have no hole, epochs never fall, there were rolls to be killed in, and verify finds nothing."""
    for topic, records in kept.items():
        assert_dense(records)
        found = epochs_on_disk(broker.data, topic)
        assert found == sorted(found)
        assert set(found) & epochs
    assert segments(broker) > 2 * len(epochs)
    assert "damaged" not in broker.log.read_text()
    assert "Traceback" not in broker.log.read_text()
    done = verify(broker.data)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "damage:" not in done.stdout


def test_killed_a_few_times_nothing_acknowledged_is_lost(start_broker: StartBroker) -> None:
    prove(start_broker(**SETTINGS), 8)


@pytest.mark.slow
@pytest.mark.timeout(480)
def test_killed_200_times_nothing_acknowledged_is_lost(start_broker: StartBroker) -> None:
    prove(start_broker(**SETTINGS), 200)
