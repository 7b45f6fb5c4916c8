"""The last samples that a broker keeps for /metrics: whose, how many, and for how long."""

from __future__ import annotations

import zstandard

from mq.broker.counters import Counters
from mq.broker.last_samples import FRAME_BYTES_MAX, LastSamples
from mq.config import Config
from mq.frame import Wanted, check, encode, pack, seal
from mq.journal.interface import Run
from mq.metrics.facts import Sample


class Clock:
    """A clock that goes when it is told to."""

    now = 1000.0

    def time(self) -> float:
        """Return its time."""
        return self.now


def run(topic: str, *records: bytes) -> Run:
    return Run(topic.encode(), [check(encode(topic, list(records), produced=1))])


def kept(nodes_max: int = 10) -> tuple[LastSamples, Counters, Clock]:
    counters, clock = Counters(), Clock()
    config = Config(metrics_nodes_max=nodes_max, metrics_node_age_s=60)
    return LastSamples(config, counters, clock.time), counters, clock


def test_the_last_record_of_each_metric_is_kept_with_when_it_came() -> None:
    samples, _, clock = kept()
    samples.note(run("host/n1/cpu", b"1", b"2"))
    samples.note(run("host/n1/mem", b"3"))
    clock.now += 5
    samples.note(run("host/n1/cpu", b"4", b"5"))
    assert samples.all() == [Sample("n1", "cpu", 1005.0, b"5"), Sample("n1", "mem", 1000.0, b"3")]


def test_what_is_no_hosts_is_not_kept() -> None:
    samples, counters, _ = kept()
    for topic in ("host/n1", "host/n1/temperature", "host/n1/cpu/0", "guest/n1/cpu", "a", "hosts/n1/cpu"):
        samples.note(run(topic, b"x"))
    assert samples.all() == []
    assert counters.host_samples_left_out == 0


def test_nodes_beyond_the_bound_are_counted_until_others_have_been_silent_for_long() -> None:
    samples, counters, clock = kept(nodes_max=1)
    for metric in ("cpu", "mem", "disk", "net"):
        samples.note(run(f"host/n1/{metric}", b"x"))
    samples.note(run("host/n2/cpu", b"y"))
    assert counters.host_samples_left_out == 1
    assert {each.node for each in samples.all()} == {"n1"}
    clock.now += 61
    samples.note(run("host/n2/cpu", b"y"))
    assert counters.host_samples_left_out == 1
    assert samples.all() == [Sample("n2", "cpu", clock.now, b"y")]


def test_a_flood_of_other_nodes_does_not_make_it_look_for_room_each_time() -> None:
    samples, counters, clock = kept(nodes_max=1)
    for number in range(4):
        samples.note(run(f"host/n{number}/cpu", b"x"))
    clock.now += 59.5
    samples.note(run("host/new/cpu", b"x"))
    clock.now += 0.9
    samples.note(run("host/new/cpu", b"x"))
    assert counters.host_samples_left_out == 2
    clock.now += 0.2
    samples.note(run("host/new/cpu", b"x"))
    assert [each.node for each in samples.all()] == ["new"]


def test_a_frame_that_is_too_large_leaves_the_one_before_in_its_place() -> None:
    samples, _, _ = kept()
    samples.note(run("host/n1/cpu", b"1"))
    samples.note(run("host/n1/cpu", b"x" * (FRAME_BYTES_MAX + 1)))
    assert [each.body for each in samples.all()] == [b"1"]


def test_what_decompresses_to_too_much_is_not_told() -> None:
    samples, _, _ = kept()
    small = zstandard.ZstdCompressor().compress
    for size in (1 << 10, 2 << 20):
        content = pack("host/n1/cpu", [bytes(size)], compress=small, limit=4 << 20)
        frame = seal(content, produced=1, producer=0, sequence=0, wanted=Wanted.NONE)
        samples.note(Run(b"host/n1/cpu", [check(frame)]))
        assert [len(each.body) for each in samples.all()] == ([size] if size == 1 << 10 else [])
