"""Producers killed (SIGKILL) at any moment, and brokers too: what `send` has taken arrives once, in order."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from broker_process import BrokerProcess

import mq

CHILD = Path(__file__).with_name("spool_child.py")
LIFE_S_MAX = 0.6


def wait(seconds: float) -> None:
    """Let a random while go by: it is the moment of a kill."""
    threading.Event().wait(seconds)


def live_and_die(broker: BrokerProcess, spool: Path, life: int, chance: random.Random) -> int:
    """Run a producer for a while, and the broker for another; return how many of its sends had returned."""
    command = [sys.executable, str(CHILD), broker.control, str(spool), str(life)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        first = child.stdout.readline()
        assert first == b"0\n"
        what = chance.choice(["nothing", "away", "again"])
        wait(chance.uniform(0, LIFE_S_MAX))
        if what != "nothing":
            broker.kill()
        if what == "again":
            broker.restart()
        wait(chance.uniform(0, LIFE_S_MAX / 2))
        child.kill()
        lines = [first, *child.stdout]
    if what == "away":
        broker.restart()
    return len([line for line in lines if line.endswith(b"\n")])


@pytest.mark.parametrize("rounds", [4, pytest.param(60, marks=[pytest.mark.slow, pytest.mark.timeout(600)])])
def test_what_send_has_taken_is_in_the_journal_once_and_in_order(
    broker: BrokerProcess, tmp_path: Path, rounds: int
) -> None:
    seed = int.from_bytes(os.urandom(4))
    chance = random.Random(seed)  # noqa: S311 - to kill anywhere, not to hide
    returned = [live_and_die(broker, tmp_path / "spool", life, chance) for life in range(rounds)]
    with mq.Producer(broker.control, spool=tmp_path / "spool", spool_drain_bytes_s=1 << 30) as producer:
        producer.flush(300)
        assert producer.spool is not None
        assert producer.spool[2:] == (0, 0, 0, 0, None, 0), seed
    for which in range(2):
        found = [tuple(map(int, message.body.split())) for message in mq.replay(broker.control, f"topic/{which}")]
        assert found == sorted(set(found)), seed
        for life, count in enumerate(returned):
            numbers = [number for it, number in found if it == life]
            assert numbers == list(range(which, which + 2 * len(numbers), 2)), (seed, life)
            assert len(numbers) >= (count + 1 - which) // 2, (seed, life)
