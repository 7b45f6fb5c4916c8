"""The promise of the format: a data directory of version 1 can be read for ever, a newer one is left alone.

`tests/data/journal-1` was written when version 1 was new. It is never written again, and tests open a copy of it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from broker_process import NAMES
from conftest import StartBroker
from google_crc32c import value

import mq
from mq.frame import split
from mq.journal.meta import FORMAT

MAKER = Path(__file__).parents[1] / "data" / "make_journal.py"
GOLDEN = MAKER.with_name("journal-1")
RECORDS: dict[str, list[list[Any]]] = json.loads((GOLDEN / "records.json").read_text("ascii"))
SECONDS_MAX = 30.0


def tree(path: Path) -> dict[str, tuple[bytes, int]]:
    """Return all that is in a directory: each file and directory with its bytes and its time."""
    return {
        str(each.relative_to(path)): (each.read_bytes() if each.is_file() else b"", each.stat().st_mtime_ns)
        for each in (path, *path.rglob("*"))
    }


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """Return a copy of the golden directory; the golden one must be as it was."""
    before = tree(GOLDEN)
    yield Path(shutil.copytree(GOLDEN / "data", tmp_path / "data"))
    assert tree(GOLDEN) == before


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mq.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_MAX, check=False)


def served(control: str, topic: str) -> list[list[Any]]:
    """Return a topic's records as a client gets them: offset, time, produced, body."""
    return [[each.offset, each.time, each.produced, each.body.hex()] for each in mq.replay(control, topic)]


def listed(topic: str) -> list[list[Any]]:
    """Return the same as the list has it, which also has the epoch."""
    return [[offset, time, produced, body] for offset, time, produced, _, body in RECORDS[topic]]


def test_the_directory_has_all_that_version_1_knows(data: Path) -> None:
    assert (data / "journal").read_text().startswith("minimq journal 1\n")
    assert list(RECORDS) == ["jobs", "jobs/nested.deep/x-1"]
    for topic, rows in RECORDS.items():
        directory = data / "topics" / topic
        logs = sorted(directory.glob("@*.log"))
        assert len(logs) == 2
        assert all(log.with_suffix(".index").stat().st_size for log in logs)
        assert (directory / "@mark").stat().st_size == 48
        frames = [frame for log in logs for frame in split(log.read_bytes())]
        assert {frame.header.count for frame in frames} == {1, 3}
        assert [frame.header.epoch for frame in frames] == sorted(frame.header.epoch for frame in frames)
        assert {frame.header.epoch for frame in frames} == {epoch for *_, epoch, _ in rows}
        assert len({epoch for *_, epoch, _ in rows}) == 2


def test_verify_finds_it_whole(data: Path) -> None:
    before = tree(data)
    done = run("verify", str(data), "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    (summary,) = map(json.loads, done.stdout.splitlines())
    assert summary["notes"] == []
    assert summary["records"] == sum(map(len, RECORDS.values()))
    assert tree(data) == before


@pytest.mark.parametrize("missing", ["", "@mark", "@*.index", "journal"])
def test_a_broker_serves_it_record_by_record_and_goes_on_behind_it(
    data: Path, start_broker: StartBroker, missing: str
) -> None:
    """Also without what the journal can make anew."""
    for path in list(data.rglob(missing)) if missing else []:
        path.unlink()
    broker = start_broker(str(data))
    for topic, rows in RECORDS.items():
        assert served(broker.control, topic) == listed(topic)
        for start in (1, len(rows) - 1):
            assert next(mq.replay(broker.control, topic, start)).offset == start
    assert {each.topic: each.offset for each in mq.last_values(broker.control, "#")} == {
        topic: rows[-1][0] for topic, rows in RECORDS.items()
    }
    with mq.Producer(broker.control) as producer:
        for topic, rows in RECORDS.items():
            assert producer.send(topic, b"one more").result(SECONDS_MAX) == (len(rows), "durable")
            assert served(broker.control, topic)[:-1] == listed(topic)
    assert broker.stop() == 0
    assert broker.log.read_text() == ""
    assert not (data / "quarantine").exists()
    assert run("verify", str(data)).returncode == 0
    for path in (GOLDEN / "data").rglob("@*.log"):
        assert (data / path.relative_to(GOLDEN / "data")).read_bytes().startswith(path.read_bytes())


@pytest.mark.parametrize("newer", [FORMAT + 1, 999_999_999])
def test_a_newer_format_is_refused_and_nothing_of_it_is_touched(data: Path, newer: int) -> None:
    text = b"minimq journal %d\nsomething new 5\nepoch 1764003600\n" % newer
    (data / "journal").write_bytes(text + b"crc %08x\n" % value(text))
    before = tree(data)
    ports = [f"--{name}=tcp://127.0.0.1:*" for name in NAMES]
    started, looked = run("broker", "--data", str(data), *ports), run("verify", str(data))
    assert (started.returncode, looked.returncode) == (1, 2)
    for done in (started, looked):
        assert done.stdout == ""
        (line,) = done.stderr.splitlines()
        assert "newer MiniMQ" in line
        assert str(newer) in line
    assert tree(data) == before


def test_what_is_written_today_is_still_version_1_byte_for_byte(tmp_path: Path) -> None:
    """It may go when another version is written; those above may not."""
    assert FORMAT == 1
    done = subprocess.run([sys.executable, str(MAKER), "--check"], check=False, timeout=SECONDS_MAX)
    assert done.returncode == 0
