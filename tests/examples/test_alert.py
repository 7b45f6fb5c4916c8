"""An alert fires and clears, for a node that is too high and for one that falls silent."""

from __future__ import annotations

import time
from itertools import accumulate
from pathlib import Path

import msgpack
from broker_process import BrokerProcess
from example_kit import example_module, program, run
from hypothesis import given
from hypothesis import strategies as st

import mq

SECOND_NS = 1_000_000_000
example = example_module("alert")


def send(producer: mq.Producer, node: str, *samples: tuple[float, float], since: int) -> None:
    """Send samples as the collectors do, each a time in seconds and a value."""
    for seconds, value in samples:
        moment = since + round(seconds * SECOND_NS)
        body = msgpack.packb({"time": moment, "node": node, "metric": "cpu", "value": value, "unit": "%"})
        producer.send(f"host/{node}/cpu", body).result(20)


def test_a_node_that_is_high_for_so_long_is_said_and_that_it_is_fine_again(
    broker: BrokerProcess, tmp_path: Path
) -> None:
    begun = time.time_ns()
    with (
        mq.Producer(broker.control, "written") as producer,
        program(tmp_path / "run", "alert.py", "--above", "90", "--seconds", "10", broker=broker.control) as alert,
    ):
        send(producer, "n1", (0, 95), (5, 50), (6, 97), (15, 99), since=begun)  # never ten seconds in a row
        send(producer, "n2", (0, 95), (5, 96), (10, 97), (11, 98), (12, 20), (13, 99), since=begun)
        producer.send("host/n3/cpu", b"no sample")
        alert.says("host/n2/cpu: fine again: 20")
        send(producer, "n1", (16, 92), since=begun)
        alert.says("host/n1/cpu: above 90 for 10 s: 92")
        said = [line[20:] for line in alert.lines]
        assert said == [
            "host/n2/cpu: above 90 for 10 s: 97",
            "host/n2/cpu: fine again: 20",
            "host/n1/cpu: above 90 for 10 s: 92",
        ]
        assert alert.interrupt() == 0
        assert alert.complaints == ""


def test_a_node_that_falls_silent_is_said_and_that_it_is_heard_again(broker: BrokerProcess, tmp_path: Path) -> None:
    with mq.Producer(broker.control, "written") as producer:
        send(producer, "n1", (0, 1), since=time.time_ns())
        with program(tmp_path / "run", "alert.py", "--silent", "5", broker=broker.control) as alert:
            alert.says("host/n1/cpu: silent for 5 s")
            send(producer, "n1", (0, 1), since=time.time_ns())
            alert.says("host/n1/cpu: heard again")
            assert alert.interrupt() == 0


def test_nobody_is_called_silent_for_a_time_in_which_nothing_could_be_heard() -> None:
    watch = example.Watch(above=90, high_ns=0, silent_ns=5)
    assert watch.known("n1", heard=100) is not None
    assert list(watch.look(now=1_000, since=996)) == []
    assert list(watch.look(now=1_001, since=996)) == ["n1: silent for 0 s"]
    assert list(watch.look(now=2_000, since=996)) == []


def test_a_sample_that_comes_late_changes_nothing_but_that_the_node_is_heard() -> None:
    watch = example.Watch(above=90, high_ns=10, silent_ns=20)
    assert list(watch.sample("n1", 95, made=0, heard=1)) == []
    assert list(watch.sample("n1", 95, made=9, heard=2)) == []
    assert list(watch.sample("n1", 10, made=8, heard=3)) == []
    assert list(watch.sample("n2", float("nan"), made=0, heard=3)) == []
    assert list(watch.sample("n2", float("nan"), made=99, heard=3)) == []
    assert list(watch.sample("n1", 95, made=10, heard=4)) == ["n1: above 90 for 1e-08 s: 95"]


def high_as_a_list_says(samples: list[tuple[int, float]], high_ns: int, silent_ns: int) -> list[bool]:
    """Return of each sample, a time and whether it is too high, whether the topic is to be called too high then."""
    found: list[bool] = []
    for at, (made, value) in enumerate(samples):
        first = at
        while first > 0 and samples[first - 1][1] > 90 and samples[first][0] - samples[first - 1][0] <= silent_ns:
            first -= 1
        lasts = made - samples[first][0] >= high_ns
        found.append(value > 90 and (lasts or (at > 0 and found[-1])))
    return found


@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from([10.0, 90.0, 95.0]))), st.integers(0, 40))
def test_whatever_comes_it_says_what_a_list_of_all_samples_says(steps: list[tuple[int, float]], high_ns: int) -> None:
    samples = list(zip(accumulate((gap for gap, _ in steps), initial=1), (value for _, value in steps), strict=False))
    watch = example.Watch(above=90, high_ns=high_ns, silent_ns=20)
    state, states = False, []
    for made, value in samples:
        for line in watch.sample("n1", value, made=made, heard=made):
            assert (": above" in line) != state
            assert (": fine again" in line) == state
            state = not state
        states.append(state)
    assert states == high_as_a_list_says(samples, high_ns, 20)


def test_what_was_not_heard_in_between_does_not_count_as_high() -> None:
    watch = example.Watch(above=90, high_ns=10, silent_ns=20)
    assert [list(watch.sample("n1", 95, made=made, heard=made)) for made in (0, 50, 59)] == [[], [], []]
    assert list(watch.sample("n1", 95, made=60, heard=60)) != []


def test_a_silence_too_short_to_tell_from_a_broker_that_is_away_is_refused() -> None:
    refused = run("alert.py", "--silent", "1", broker="tcp://127.0.0.1:1")
    assert refused.returncode == 2
    assert "invalid silence value" in refused.stderr
