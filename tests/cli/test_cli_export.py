"""``minimq export`` and ``import``, with the programs that people open such files with."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Any

import duckdb
import msgpack
import pandas as pd
import pytest
from broker_process import BrokerProcess
from cli_kit import MINIMQ, Running, environment, minimq, store, stored
from pty_kit import terminal
from waiting import eventually

import mq
from mq.transfer.readers import read_rows
from mq.transfer.records import record_of

SECOND_NS = 1_000_000_000
MIDNIGHT = 1_795_478_400 * SECOND_NS  # 2026-11-24
PERIODS_S = {"cpu": 1, "mem": 5, "disk": 5, "net": 5}
BODIES = [b"", b"41.5", b"\xff\0", 'é,"x"\r\n'.encode(), msgpack.packb({"value": 2.5, "a": [1]}), msgpack.packb({1: 2})]

Table = dict[tuple[str, int], tuple[int, int, float]]


def publish_nodes(broker: BrokerProcess, nodes: int, seconds: int) -> None:
    """Publish samples of so many nodes, a frame for each time of a topic, as collectors do."""
    with mq.Producer(broker.control, "written") as producer:
        for second in range(seconds):
            for metric, period in PERIODS_S.items():
                for node in range(nodes) if second % period == 0 else ():
                    time = MIDNIGHT + second * SECOND_NS + node
                    sample = {"time": time, "node": f"n{node}", "metric": metric, "value": (second + node) % 100 / 3}
                    body: bytes = msgpack.packb(sample)
                    producer.send_many(f"host/n{node}/{metric}", [body], produced=time)


def in_the_journal(broker: BrokerProcess) -> Table:
    """Return what the journal holds."""
    table: Table = {}
    for topic in (row["topic"] for row in minimq("topics", "host/#", "--json", broker=broker.control).objects):
        for it in stored(broker, topic):
            table[topic, it.offset or 0] = (it.time, it.produced, msgpack.unpackb(it.body)["value"])
    return table


def with_pandas(path: Path) -> Table:
    frame: Any = {
        ".parquet": pd.read_parquet,
        ".csv": lambda it: pd.read_csv(it, parse_dates=["time", "produced"]),
        ".ndjson": lambda it: pd.read_json(it, lines=True, dtype=False, precise_float=True),
    }[path.suffix](path)
    if path.suffix != ".ndjson":
        frame = frame.assign(
            **{name: frame[name].astype("datetime64[ns, UTC]").astype("int64") for name in ("time", "produced")}
        )
    columns = [frame[name].tolist() for name in ("topic", "offset", "time", "produced", "value")]
    return {(topic, offset): tuple(rest) for topic, offset, *rest in zip(*columns, strict=True)}


def with_duckdb(path: Path) -> Table:
    time = "{0}" if path.suffix == ".ndjson" else "epoch_ns({0}::TIMESTAMP_NS)"
    columns = f'topic, "offset", {time.format("time")}, {time.format("produced")}, value'
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        types = ", types={'time': 'TIMESTAMP_NS', 'produced': 'TIMESTAMP_NS'}" if path.suffix == ".csv" else ""
        source = f"read_csv('{path}'{types})" if types else f"'{path}'"
        rows = connection.execute(f"SELECT {columns} FROM {source}").fetchall()  # noqa: S608 - a path of our own
    return {(topic, offset): tuple(rest) for topic, offset, *rest in rows}


def compare(broker: BrokerProcess, directory: Path, nodes: int, seconds: int, suffixes: list[str]) -> None:
    publish_nodes(broker, nodes, seconds)
    journal = in_the_journal(broker)
    count = nodes * sum(-(-seconds // period) for period in PERIODS_S.values())
    assert len(journal) == count
    for suffix in suffixes:
        path = directory / f"day{suffix}"
        ran = minimq("export", "host/#", "--out", str(path), broker=broker.control)
        assert (ran.code, ran.err) == (0, "")
        assert ran.out == f"{path}: {count:,} records of {nodes * 4} topics\n"
        assert with_pandas(path) == journal
        assert with_duckdb(path) == journal


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".ndjson"])
def test_pandas_and_duckdb_read_what_the_journal_holds(broker: BrokerProcess, tmp_path: Path, suffix: str) -> None:
    compare(broker, tmp_path, 3, 60, [suffix])


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_an_hour_of_ten_nodes(broker: BrokerProcess, tmp_path: Path) -> None:
    compare(broker, tmp_path, 10, 3_600, [".parquet"])


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".ndjson"])
def test_what_was_exported_is_imported_to_the_byte(broker: BrokerProcess, tmp_path: Path, suffix: str) -> None:
    store(broker, "a/b", *BODIES)
    store(broker, "c", BODIES[4])
    before = {topic: stored(broker, topic) for topic in ("a/b", "c")}
    path = str(tmp_path / f"out{suffix}")
    assert minimq("export", "#", "--out", path, broker=broker.control).code == 0
    ran = minimq("import", path, broker=broker.control)
    assert (ran.code, ran.out) == (0, f"7 records of {path} stored\n")
    for topic, records in before.items():
        again = stored(broker, topic)[len(records) :]
        assert [(it.produced, it.body) for it in again] == [(it.produced, it.body) for it in records]


def test_on_a_terminal_it_shows_how_far_it_is_and_clears_that_away(broker: BrokerProcess, tmp_path: Path) -> None:
    store(broker, "a", b"1", b"2")
    environ = environment(broker.control, TERM="xterm")
    for arguments, end in (
        (["export", "a", "--out", "out.csv"], "2 records of 1 topic"),
        (["import", "out.csv"], "stored"),
    ):
        with terminal([*MINIMQ, *arguments], environ, tmp_path) as screen:
            assert screen.ended() == 0
        before, erased, after = screen.shown.rpartition("\x1b[2K")
        assert erased
        assert arguments[0] in before
        assert "records" in before
        assert after.endswith(f"{end}\r\n")


def test_a_range_of_time_is_what_was_appended_in_it(broker: BrokerProcess, tmp_path: Path) -> None:
    store(broker, "a", b"1", b"2", b"3")
    times = [record.time for record in stored(broker, "a")]
    middle = f"@{times[1] // SECOND_NS}.{times[1] % SECOND_NS // 1000:06}"
    path = tmp_path / "out.ndjson"
    ran = minimq("export", "a", "--from", middle, "--to", "now", "--out", str(path), broker=broker.control)
    assert ran.code == 0
    assert len(path.read_text().splitlines()) == 2


# Parts of 100,000 rows would want a journal of millions to be ended in the middle of.
SMALL_PARTS = "from mq.transfer import exporting; exporting.PART_ROWS = 1_000; from mq.cli import main; main()"


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".ndjson"])
def test_killed_again_and_again_it_holds_each_record_once(broker: BrokerProcess, tmp_path: Path, suffix: str) -> None:
    path, done = tmp_path / f"out{suffix}", f"out{suffix}.parts/part-*[0-9]"
    expected = [("many/a", b"%d" % number) for number in range(9_500)] + [("many/b", b"%d" % it) for it in range(5_500)]
    with mq.Producer(broker.control, "written") as producer:
        for start in range(0, len(expected), 500):
            producer.send_many(expected[start][0], [body for _, body in expected[start : start + 500]])
    command = [sys.executable, "-c", SMALL_PARTS, "export", "many/#", "--out", str(path)]
    for kill in range(1, 6):
        run = Running(tmp_path, command, environment(broker.control))
        eventually(lambda: len(list(tmp_path.glob(done))) >= 2 * kill)  # noqa: B023 - called before the next one
        assert run.end(signal.SIGKILL) == -signal.SIGKILL
        assert not path.exists()
        store(broker, "many/a", b"later")
    run = Running(tmp_path, command, environment(broker.control))
    assert (run.ended(), run.err) == (0, "")
    assert run.out == f"{path}: 15,000 records of 2 topics, some of them by an earlier run\n"
    assert [(it.topic, it.body) for _, fields in read_rows(path) for it in [record_of(fields, None, None)]] == expected
    assert not list(tmp_path.glob("out*.parts"))


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["export", "nobody", "--out", "out.csv"], "there are no records of nobody in that time"),
        (["export", "a//b", "--out", "out.csv"], "is not a pattern"),
        (["export", "#", "--out", "out.txt"], "is to end in .parquet, .csv or .ndjson"),
        (["import", "missing.csv"], "No such file"),
        (["import", "--topic", "a//b", "missing.csv"], "is not a topic"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_leaves_nothing(
    broker: BrokerProcess, tmp_path: Path, arguments: list[str], why: str
) -> None:
    place = tmp_path / "here"
    place.mkdir()
    ran = minimq(*arguments, broker=broker.control, directory=place)
    assert (ran.code, ran.out) == (1, "")
    assert why in ran.complaint
    assert list(place.iterdir()) == []
