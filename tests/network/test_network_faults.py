"""Links that fail, packets that get lost and brokers that die, between real processes on a real network.

Nothing that was acknowledged is lost, nothing is there twice, and order is kept; and everybody finds back in seconds.
A failure names the seed: with it the same faults come in the same order.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from pathlib import Path

import pytest
from broker_process import BrokerProcess
from checker import assert_dense, sort
from conftest import StartBroker
from faults import FAST, SILENCE_S, Fault, schedule
from hearing import wrong_with_consumer, wrong_with_follower
from load import kept_in
from network import why_not
from scene import CONSUMER, FOLLOWER, PRODUCERS, Scene

SEED = int(os.environ.get("MINIMQ_TEST_SEED", "20"))
LONG_S = 75.0
BACK_S_MAX = 9.0
TOPICS = ("net/shared", *(f"net/{name}" for name in PRODUCERS))

log = logging.getLogger(__name__)
pytestmark = pytest.mark.skipif(
    why_not() is not None and "CI" not in os.environ, reason=why_not() or "there is a network to be had"
)


def prove(place: Path, faults: Iterable[Fault], start_broker: StartBroker) -> None:
    """Let all faults come, and hold what is kept and heard against what was told."""
    with Scene(place) as scene:
        for fault in faults:
            scene.suffer(fault)
        scene.end()
        assert scene.broker.stop() == 0
        log.info("\n".join(scene.recovered))
        hold(scene, start_broker(scene.broker.data.name))


def hold(scene: Scene, broker: BrokerProcess) -> None:
    """Read the whole journal, by a broker that can be reached from here, and hold everybody against it."""
    kept = {topic: kept_in(broker.control, topic) for topic in TOPICS}
    verdict = sort(scene.told, kept)
    log.info("%d records kept: %s", sum(map(len, kept.values())), verdict.counts)
    assert {"written", "durable"} <= set(verdict.counts)
    assert not verdict.wrong
    for records in kept.values():
        assert_dense(records)
    assert wrong_with_follower(scene.lines[FOLLOWER].read().rows, kept) == []
    assert wrong_with_consumer(scene.lines[CONSUMER].read().rows, kept) == []


def test_through_one_fault_of_each_kind_nothing_acknowledged_is_lost(tmp_path: Path, start_broker: StartBroker) -> None:
    prove(tmp_path, FAST, start_broker)


@pytest.mark.slow
def test_a_long_silence_is_over_soon_after_its_end(tmp_path: Path) -> None:
    with Scene(tmp_path) as scene:
        took = scene.suffer(Fault("silence", SILENCE_S))
        log.info("\n".join(scene.recovered))
        assert took < BACK_S_MAX


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_through_many_faults_at_random_nothing_acknowledged_is_lost(tmp_path: Path, start_broker: StartBroker) -> None:
    faults = list(schedule(SEED, LONG_S))
    try:
        prove(tmp_path, faults, start_broker)
    except BaseException as error:
        error.add_note(f"MINIMQ_TEST_SEED={SEED}: {'; '.join(map(str, faults))}")
        raise
