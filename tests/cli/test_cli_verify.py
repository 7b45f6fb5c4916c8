"""``minimq verify``: three exit codes, and each place that does not hold by its name."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path

import pytest
from broker_process import BrokerProcess
from cli_kit import MINIMQ, environment, minimq, shell, store

SUMMARY = {
    "kind", "whole", "data", "epoch", "busy", "topics", "segments", "frames", "records", "bytes", "damage", "torn",
    "notes",
}  # fmt: skip
FINDING = ["kind", "path", "start", "stop", "first", "next", "why"]


@pytest.fixture
def data(broker: BrokerProcess) -> Path:
    """Return a data directory with a topic of three records and one of one, closed in order."""
    store(broker, "host/n1/cpu", b"first", b"second", b"third")
    store(broker, "notes", b"x")
    broker.stop()
    return broker.data


def log_of(data: Path, topic: str) -> Path:
    (log,) = (data / "topics" / topic).glob("@*.log")
    return log


def test_what_is_whole_is_whole(data: Path) -> None:
    ran = minimq("verify", str(data))
    assert (ran.code, ran.err) == (0, "")
    assert ran.lines[-1].startswith(f"{data} is whole: ")
    as_json = minimq("verify", str(data), "--json")
    (summary,) = as_json.objects
    assert as_json.code == 0
    assert set(summary) == SUMMARY
    size = sum(path.stat().st_size for path in data.rglob("*.log"))
    told = {name: summary[name] for name in ("kind", "whole", "busy", "topics", "segments", "records", "bytes")}
    assert told == {
        "kind": "summary", "whole": True, "busy": False, "topics": 2, "segments": 2, "records": 4, "bytes": size
    }  # fmt: skip


def test_damage_is_named_by_file_bytes_and_offsets(data: Path) -> None:
    log = log_of(data, "host/n1/cpu")
    whole = log.read_bytes()
    log.write_bytes(whole.replace(b"second", b"sEcond"))
    ran = minimq("verify", str(data), "--json")
    *findings, summary = ran.objects
    (finding,) = findings
    assert ran.code == 1
    assert list(finding) == FINDING
    assert (finding["kind"], finding["path"], finding["first"], finding["next"]) == ("damage", str(log), 1, 2)
    start, stop = finding["start"], finding["stop"]
    assert b"second" in whole[start:stop]
    assert whole[start:stop].startswith(b"host/n1/cpu\0MQ")
    assert (summary["whole"], summary["damage"], summary["torn"]) == (False, 1, 0)
    for_people = minimq("verify", str(data))
    assert for_people.code == 1
    assert for_people.lines[0].startswith(f"damage: {log}: bytes {start} to {stop}, offsets 1 to 1 are gone: ")
    assert "is damaged in 1 place" in for_people.lines[-1]


def test_a_torn_tail_alone_is_named_and_no_damage(data: Path) -> None:
    log = log_of(data, "notes")
    size = log.stat().st_size
    with log.open("ab") as file:
        file.write(log.read_bytes()[: size // 2])
    ran = minimq("verify", str(data), "--json")
    finding, summary = ran.objects
    assert ran.code == 0
    assert (finding["kind"], finding["path"], finding["start"], finding["stop"]) == (
        "torn", str(log), size, size + size // 2
    )  # fmt: skip
    assert (finding["first"], finding["next"]) == (1, None)
    assert (summary["whole"], summary["torn"]) == (True, 1)
    assert minimq("verify", str(data)).lines[0].startswith(f"torn: {log}: bytes {size} to ")


def test_what_it_cannot_look_at_is_said_on_standard_error(tmp_path: Path) -> None:
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "thesis.tex").write_text("x")
    (tmp_path / "file").write_text("x")
    for name in ("absent", "foreign", "file"):
        for options in ([], ["--json"]):
            ran = minimq("verify", str(tmp_path / name), *options)
            assert (ran.code, ran.out) == (2, "")
            assert str(tmp_path / name) in ran.complaint


def test_a_result_that_cannot_be_written_is_not_taken_for_damage(data: Path) -> None:
    done = shell(f"minimq verify {data} >/dev/full")
    assert (done.returncode, done.stderr) == (2, "minimq: [Errno 28] No space left on device\n")


def test_it_looks_while_a_broker_is_at_work_and_changes_nothing(broker: BrokerProcess) -> None:
    store(broker, "a", b"x")
    ran = minimq("verify", str(broker.data), "--json")
    summary = ran.objects[-1]
    assert (ran.code, summary["busy"], summary["records"]) == (0, True, 1)
    store(broker, "a", b"y")


def test_on_a_terminal_it_shows_how_far_it_is_beside_the_result(data: Path) -> None:
    ours, its = pty.openpty()
    done = subprocess.run(
        [*MINIMQ, "verify", str(data), "--json"], stdout=subprocess.PIPE, stderr=its, env=environment(), check=True
    )
    os.close(its)
    shown = os.read(ours, 65_536).decode()
    os.close(ours)
    assert "verify" in shown
    assert "100%" in shown
    assert done.stdout.startswith(b'{"kind": "summary"')
