"""The Parquet files hold what the journal holds, each record once, and a run that comes later adds what is new."""

from __future__ import annotations

import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.dataset
import pytest
from broker_process import BrokerProcess
from example_kit import program, run
from waiting import eventually

import mq

Row = tuple[Any, ...]
TOPICS = ["host/n1/cpu", "host/n2/cpu"]


def store(broker: BrokerProcess, topic: str, first: int, stop: int) -> None:
    with mq.Producer(broker.control) as producer:
        for number in range(first, stop):
            producer.send(topic, b"sample %d" % number)


def journaled(broker: BrokerProcess, *topics: str) -> list[Row]:
    return [tuple(message) for topic in topics for message in mq.replay(broker.control, topic)]


def exported(directory: Path) -> list[Row]:
    table = pyarrow.dataset.dataset(directory, partitioning="hive").to_table()
    times = [table[name].cast("int64").to_pylist() for name in ("time", "produced")]
    topics, offsets, bodies = (table[name].to_pylist() for name in ("topic", "offset", "body"))
    return sorted(zip(topics, offsets, *times, bodies, strict=True))


def test_what_is_read_back_is_what_the_journal_holds(broker: BrokerProcess, tmp_path: Path) -> None:
    for topic in (*TOPICS, "host/n1/mem"):
        store(broker, topic, 0, 250)
    done = run("backfill_parquet.py", "host/+/cpu", str(tmp_path / "out"), "--rows", "100", broker=broker.control)
    assert (done.returncode, done.stdout) == (0, f"2 topics are in {tmp_path / 'out'}\n")
    assert exported(tmp_path / "out") == journaled(broker, *TOPICS)
    files = {path.name for path in (tmp_path / "out" / "topic=host%2Fn1%2Fcpu").iterdir()}
    assert files == {f"{first:020}-{stop:020}.parquet" for first, stop in ((0, 100), (100, 200), (200, 250))}


def test_a_later_run_goes_on_behind_the_last_file(broker: BrokerProcess, tmp_path: Path) -> None:
    arguments = ["host/+/cpu", str(tmp_path / "out")]
    store(broker, TOPICS[0], 0, 10)
    run("backfill_parquet.py", *arguments, broker=broker.control)
    store(broker, TOPICS[0], 10, 25)
    store(broker, TOPICS[1], 0, 5)
    (tmp_path / "out" / "topic=host%2Fn1%2Fcpu" / ".draft").write_bytes(b"of a run that was cut off")
    (tmp_path / "out" / "topic=host%2Fn1%2Fcpu" / "_my-notes.parquet").write_bytes(b"somebody's own")
    assert len(exported(tmp_path / "out")) == 10
    for _ in range(2):
        assert run("backfill_parquet.py", *arguments, broker=broker.control).returncode == 0
        assert exported(tmp_path / "out") == journaled(broker, *TOPICS)
    assert len(list(tmp_path.glob("out/*/[0-9]*.parquet"))) == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_cut_off_is_finished_by_the_next(
    broker: BrokerProcess, tmp_path: Path, number: signal.Signals
) -> None:
    store(broker, TOPICS[0], 0, 3_000)
    out = tmp_path / "out"
    arguments = ["host/+/cpu", str(out)]
    with program(tmp_path / "run", "backfill_parquet.py", *arguments, "--rows", "1", broker=broker.control) as cut_off:
        eventually(lambda: len(list(out.glob("*/*.parquet"))) > 10)
        cut_off.process.send_signal(number)
        cut_off.process.wait(60)
        assert "Traceback" not in cut_off.complaints
    assert 10 < len(exported(out)) < 3_000
    assert run("backfill_parquet.py", *arguments, broker=broker.control).returncode == 0
    assert exported(out) == journaled(broker, TOPICS[0])


def test_a_range_of_time_is_what_was_appended_in_it(broker: BrokerProcess, tmp_path: Path) -> None:
    times = []
    for first in (0, 10, 20):
        times.append(datetime.now(UTC).isoformat())
        store(broker, TOPICS[0], first, first + 10)
    arguments = ["host/n1/cpu", str(tmp_path / "out"), "--from", times[1], "--to", times[2]]
    assert run("backfill_parquet.py", *arguments, broker=broker.control).returncode == 0
    assert exported(tmp_path / "out") == journaled(broker, TOPICS[0])[10:20]
