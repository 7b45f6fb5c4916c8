"""``minimq capsule``: made, shown and checked; exit codes as those of ``verify``."""

from __future__ import annotations

from pathlib import Path

import pytest
from broker_process import BrokerProcess
from cli_kit import minimq, nobody, store

SUMMARY = [
    "kind", "whole", "file", "patterns", "start", "stop", "made", "topics", "frames", "records", "bytes", "damage",
    "torn",
]  # fmt: skip


@pytest.fixture
def night(broker: BrokerProcess, tmp_path: Path) -> Path:
    """Return a capsule of two topics; its broker is gone."""
    store(broker, "host/n1/cpu", b"first", b"second", b"third")
    store(broker, "notes", b"x")
    path = tmp_path / "night.mq"
    ran = minimq("capsule", "make", "#", "--from", "-15m", "-o", str(path), broker=broker.control)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"{path}: topics 2, records 4, bytes ")
    broker.stop()
    return path


def test_a_whole_one_is_listed(night: Path) -> None:
    ran = minimq("capsule", "show", str(night))
    assert (ran.code, ran.err) == (0, "")
    assert "of #, made " in ran.lines[0]
    assert ran.lines[2].split()[:4] == ["host/n1/cpu", "3", "0", "to"]
    assert ran.lines[-1].startswith(f"{night} is whole: topics 2, frames 4, records 4, bytes ")
    cpu, notes, summary = minimq("capsule", "show", str(night), "--json").objects
    assert (cpu["kind"], cpu["first"], cpu["next"], notes["topic"]) == ("topic", 0, 3, "notes")
    assert list(summary) == SUMMARY
    assert (summary["whole"], summary["patterns"], summary["records"]) == (True, ["#"], 4)


def test_damage_is_named_and_so_is_a_cut(night: Path) -> None:
    whole = night.read_bytes()
    night.write_bytes(whole.replace(b"second", b"sEcond"))
    ran = minimq("capsule", "show", str(night), "--json")
    (finding,) = [each for each in ran.objects if each["kind"] == "damage"]
    assert ran.code == 1
    assert (finding["topic"], finding["first"], finding["next"]) == ("host/n1/cpu", 1, 2)
    assert finding["start"] < whole.index(b"second") < finding["stop"]
    night.write_bytes(whole[:-5])
    cut = minimq("capsule", "show", str(night))
    assert cut.code == 1
    assert any(line.startswith("torn: bytes ") for line in cut.lines)


@pytest.mark.parametrize(("content", "why"), [(None, "No such file"), (b"", "is empty"), (b"x" * 50, "is no capsule")])
def test_what_is_no_capsule_is_one_line(tmp_path: Path, content: bytes | None, why: str) -> None:
    """For show it is that it could not look; the page is not even started."""
    path = tmp_path / "x.mq"
    if content is not None:
        path.write_bytes(content)
    for arguments, code in ((["capsule", "show"], 2), (["view"], 1)):
        ran = minimq(*arguments, str(path))
        assert (ran.code, ran.out) == (code, "")
        assert ran.complaint.startswith(f"minimq: {path} ")
        assert why in ran.complaint


def test_a_file_that_is_there_stays_unless_forced(night: Path, broker: BrokerProcess) -> None:
    before = night.read_bytes()
    broker.start()
    arguments = ["capsule", "make", "notes", "--from", "-15m", "-o", str(night), "--broker", broker.control]
    ran = minimq(*arguments)
    assert (ran.code, ran.complaint) == (
        1, f"minimq: {night} exists already: name another, or replace it with --force"
    )  # fmt: skip
    assert night.read_bytes() == before
    assert minimq(*arguments, "--force").code == 0
    assert night.read_bytes() != before


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["nothing", "--from", "-15m"], "no record of nothing was appended in that range: no capsule is made"),
        (["a//b", "--from", "-15m"], "is not a pattern"),
        (["#", "--from", "5"], "'5' is not a time"),
        (["#", "--from", "-1m", "--to", "-2m"], "ends before it begins"),
    ],
)
def test_what_cannot_be_made_is_said_and_nothing_is_left(
    broker: BrokerProcess, tmp_path: Path, arguments: list[str], why: str
) -> None:
    place = tmp_path / "capsules"
    place.mkdir()
    ran = minimq("capsule", "make", *arguments, "-o", str(place / "x.mq"), broker=broker.control)
    assert ran.code != 0
    assert why in ran.err
    assert list(place.iterdir()) == []


def test_without_a_broker_nothing_is_made(tmp_path: Path) -> None:
    path = tmp_path / "x.mq"
    with nobody() as endpoint:
        ran = minimq(
            "capsule", "make", "#", "--from", "-15m", "-o", str(path), "--timeout", "0.5", "--broker", endpoint
        )
    assert ran.code == 1
    assert "no broker answers" in ran.complaint
    assert not path.exists()
