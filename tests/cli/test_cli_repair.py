"""``minimq repair``: first it says what it would do; it does that when told to, and only then."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from broker_process import BrokerProcess
from cli_kit import MINIMQ, environment, logged, minimq, shell, store, stored

STEP = ["kind", "topic", "path", "start", "stop", "first", "next", "what"]
TOPIC = "host/n1/cpu"
BODIES = [b"first", b"second", b"third"]


@pytest.fixture
def data(broker: BrokerProcess) -> Path:
    """Return a data directory with a topic of three records and one of one, closed in order."""
    store(broker, TOPIC, *BODIES)
    store(broker, "notes", b"x")
    broker.stop()
    return broker.data


def log_of(data: Path, topic: str = TOPIC) -> Path:
    return min((data / "topics" / topic).glob("@*.log"))


def tear(data: Path) -> tuple[int, int]:
    """Put half a frame behind a log; return from where to where."""
    log = log_of(data)
    size = log.stat().st_size
    with log.open("ab") as file:
        file.write(log.read_bytes()[: size // 2])
    return size, size + size // 2


def tree(data: Path) -> dict[str, tuple[bytes, int, int]]:
    """Return all files, with the times of writing and of anything else that was done to them."""
    found = {}
    for path in data.rglob("*"):
        status = path.stat()
        found[str(path)] = (path.read_bytes() if path.is_file() else b"", status.st_mtime_ns, status.st_ctime_ns)
    return found


def test_where_there_is_nothing_to_do_it_says_so_and_does_nothing(data: Path) -> None:
    before = tree(data)
    for options in ([], ["--yes"]):
        ran = minimq("repair", str(data), *options)
        assert (ran.code, ran.out, ran.err) == (0, f"{data}: there is nothing to do\n", "")
    assert minimq("repair", str(data), "--json").objects == [
        {"kind": "summary", "data": str(data), "steps": 0, "lost": 0, "done": True}
    ]
    assert tree(data) == before


def test_without_yes_and_a_terminal_it_only_says_what_it_would_do(data: Path) -> None:
    start, stop = tear(data)
    (data / "journal").unlink()
    before = tree(data)
    ran = minimq("repair", str(data))
    assert ran.code == 1
    assert ran.lines[0].startswith(
        f"cut: {log_of(data)}: bytes {start} to {stop}, nothing before offset 3 is touched: "
    )
    assert ran.lines[1].startswith(f"meta: {data}/journal: made anew, with an epoch above ")
    assert ran.lines[2:] == [f"{data}: 2 steps to do, and nothing was done (--yes does it)"]
    assert tree(data) == before


def test_with_yes_it_says_it_and_does_it(data: Path, broker: BrokerProcess) -> None:
    start, stop = tear(data)
    torn = log_of(data).read_bytes()[start:]
    ran = minimq("repair", str(data), "--yes")
    assert (ran.code, ran.err) == (0, "")
    assert ran.lines[0].startswith(f"cut: {log_of(data)}: bytes {start} to {stop}")
    assert ran.lines[-1] == f"{data}: done, 1 step"
    assert [path.read_bytes() for path in (data / "quarantine").iterdir()] == [torn]
    looked = minimq("verify", str(data))
    assert looked.code == 0
    assert looked.lines[:-1] == [
        f"note: {data}/quarantine: 1 copy of what was cut off from torn logs, {stop - start} bytes, kept for you"
    ]
    assert minimq("repair", str(data)).code == 0
    broker.start()
    assert [message.body for message in stored(broker, TOPIC)] == BODIES


def test_what_is_lost_is_said_and_stays_a_gap(data: Path) -> None:
    log = log_of(data)
    log.write_bytes(log.read_bytes().replace(b"second", b"sEcond"))
    ran = minimq("repair", str(data))
    assert ran.code == 0
    assert ran.lines[0].startswith(f"lost: {log}: bytes ")
    assert ran.lines[0].endswith(f", offsets 1 to 1 of {TOPIC} are gone; they stay an explicit gap")
    assert ran.lines[1:] == [f"{data}: there is nothing to do; 1 place of lost bytes as they are"]
    assert minimq("verify", str(data)).code == 1


def test_as_json_each_step_is_an_object(data: Path) -> None:
    size = log_of(data).stat().st_size
    os.truncate(log_of(data), size - 1)
    ran = minimq("repair", str(data), "--json")
    *each, summary = ran.objects
    assert ran.code == 1
    assert all(list(step) == STEP for step in each)
    assert [(step["kind"], step["first"], step["next"]) for step in each] == [
        ("lost", 2, 3), ("begin", 3, None), ("mark", None, None)
    ]  # fmt: skip
    assert summary == {"kind": "summary", "data": str(data), "steps": 2, "lost": 1, "done": False}
    done = minimq("repair", str(data), "--json", "--yes")
    assert done.objects == [*each, {**summary, "done": True}]
    assert done.code == 0


# --- asked on a terminal ------------------------------------------------------------------------------------------


def answered(data: Path, answer: bytes) -> tuple[int, str, str]:
    """Run it on a terminal, and give it an answer; return the exit code, the result and what the terminal showed."""
    ours, its = pty.openpty()
    os.write(ours, answer)
    done = subprocess.run(
        [*MINIMQ, "repair", str(data)],
        stdin=its,
        stdout=subprocess.PIPE,
        stderr=its,
        env=environment(),
        check=False,
        timeout=60,
    )
    os.close(its)
    shown = os.read(ours, 65_536).decode()
    os.close(ours)
    return done.returncode, done.stdout.decode(), shown


@pytest.mark.parametrize("answer", [b"\n", b"n\n", b"\4"])
def test_on_a_terminal_anything_but_yes_changes_nothing(data: Path, answer: bytes) -> None:
    tear(data)
    before = tree(data)
    code, out, shown = answered(data, answer)
    assert code == 1
    assert out.splitlines()[-1].endswith("nothing was done (--yes does it)")
    assert "Do this? [y/N]" in shown
    assert "repair" in shown
    assert "100%" in shown
    assert tree(data) == before


def test_on_a_terminal_yes_does_it(data: Path) -> None:
    tear(data)
    code, out, shown = answered(data, b"y\n")
    assert code == 0
    assert out.splitlines()[-1] == f"{data}: done, 1 step"
    assert "Do this? [y/N]" in shown
    assert minimq("repair", str(data)).out == f"{data}: there is nothing to do\n"


def test_on_a_terminal_nothing_is_asked_when_there_is_nothing_to_do(data: Path) -> None:
    code, _, shown = answered(data, b"")
    assert code == 0
    assert "Do this?" not in shown


# --- could not look, or not do it ---------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [[], ["--yes"], ["--json"]])
def test_beside_a_broker_it_is_refused_and_the_broker_named(broker: BrokerProcess, options: list[str]) -> None:
    store(broker, "a", b"x")
    ran = minimq("repair", str(broker.data), *options)
    assert (ran.code, ran.out) == (2, "")
    assert f"process {broker.process.pid}" in ran.complaint
    store(broker, "a", b"y")


@pytest.mark.parametrize("options", [[], ["--yes"], ["--json"]])
def test_what_it_cannot_look_at_is_said_on_standard_error(tmp_path: Path, options: list[str]) -> None:
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "thesis.tex").write_text("x")
    (tmp_path / "file").write_text("x")
    for name in ("absent", "foreign", "file"):
        ran = minimq("repair", str(tmp_path / name), *options)
        assert (ran.code, ran.out) == (2, "")
        assert str(tmp_path / name) in ran.complaint
    assert [path.name for path in (tmp_path / "foreign").iterdir()] == ["thesis.tex"]


def test_a_setting_that_cannot_be_used_is_no_answer(data: Path) -> None:
    ran = minimq("repair", str(data), environ={"MINIMQ_QUARANTINE_BYTES_MAX": "1"})
    assert (ran.code, ran.out) == (2, "")
    assert "quarantine_bytes_max" in ran.complaint


def test_what_it_would_do_and_cannot_say_it_does_not_do(data: Path) -> None:
    tear(data)
    before = tree(data)
    done = shell(f"minimq repair --yes {data} >/dev/full")
    assert (done.returncode, done.stderr) == (2, "minimq: [Errno 28] No space left on device\n")
    assert tree(data) == before


# --- killed -------------------------------------------------------------------------------------------------------

KILLED_AT = """
import os, signal, sys
from mq.cli import main
from mq.journal.files import Files

left = int(sys.argv.pop(1))

def mortal(call):
    def instead(*arguments):
        global left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return call(*arguments)
    return instead

for name in ("write", "write_at", "truncate", "sync", "sync_directory", "make_directory", "rename"):
    setattr(Files, name, mortal(getattr(Files, name)))
main()
"""


def _hurt(data: Path) -> None:
    tear(data)
    os.truncate(log_of(data, "notes"), 10)
    (data / "topics" / TOPIC / "@mark").write_bytes(b"\1" * 48)
    (data / "journal").write_bytes(b"")


def test_killed_with_sigkill_at_any_call_that_writes_a_second_run_finishes_it(
    data: Path, broker: BrokerProcess
) -> None:
    _hurt(data)
    calls, code = 0, -signal.SIGKILL
    while code == -signal.SIGKILL:
        program = [sys.executable, "-c", KILLED_AT, str(calls), "repair", "--yes", str(data)]
        code = subprocess.run(program, env=environment(), stdout=subprocess.DEVNULL, check=False, timeout=60).returncode
        calls += 1
    assert code == 0
    assert calls > 10
    assert minimq("repair", str(data)).lines[-1].startswith(f"{data}: there is nothing to do")
    *findings, summary = minimq("verify", str(data), "--json").objects
    assert (summary["torn"], [finding["kind"] for finding in findings]) == (0, ["damage"])
    assert [(finding["first"], finding["next"]) for finding in findings] == [(0, 1)]
    broker.start()
    assert [message.body for message in stored(broker, TOPIC)] == BODIES


Hurt = Callable[[Path], object]


@pytest.mark.parametrize("hurt", [tear, _hurt])
def test_a_broker_that_starts_behind_it_has_nothing_to_say(data: Path, broker: BrokerProcess, hurt: Hurt) -> None:
    hurt(data)
    assert minimq("repair", "--yes", str(data)).code == 0
    said = broker.log.stat().st_size
    broker.start()
    assert [line["level"] for line in logged(broker.log.read_text()[said:])] == []
