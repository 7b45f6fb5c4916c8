"""Logs of real programs: JSON where nobody looks on, for people on a terminal, and never so much that it hurts."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import subprocess
import sys
import termios
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from broker_process import BrokerProcess
from cli_kit import Running, environment, free_ports, logged, minimq, store
from page import ROOT, is_said, steps_of
from waiting import eventually

from mq.cli.logs.rate import LINES_MAX

PROGRAM = "import os, logging, structlog; from mq.cli import logs; logs.configure(os.environ); "
ANY = [f"--{name}=tcp://127.0.0.1:*" for name in ("ingest", "live", "control", "ops")]
PAGE = ROOT / "docs" / "logs.md"
LINE_OF_JSON = re.compile(r"\{.*\}")


def said_by(program: str, **environ: str) -> str:
    """Return what a program leaves on standard error."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM + program],
        stderr=subprocess.PIPE,
        text=True,
        env=environment(**environ),
        timeout=60,
        check=False,
    )
    return done.stderr


def said_on_a_terminal_by(command: list[str], until: str, **environ: str) -> str:
    """Return what a program shows on a terminal, up to a word; then it is ended."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, b"\x18\x00\xf0\x00" + bytes(4))
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=its, env=environment(**environ))
    os.close(its)
    shown = b""
    deadline = time.monotonic() + 30
    try:
        while until.encode() not in shown and select.select([ours], [], [], deadline - time.monotonic())[0]:
            shown += os.read(ours, 65536)
    except OSError:  # so a terminal says that nobody is at its other end any more
        pass
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    return shown.decode()


def torn(directory: Path, broker: BrokerProcess) -> Path:
    """Return data with a tail that a broker has something to say about."""
    store(broker, "a", b"x")
    broker.kill()
    (log,) = (broker.data / "topics" / "a").glob("*.log")
    with log.open("ab") as file:
        file.write(b"torn")
    return broker.data


def test_a_broker_logs_lines_of_json_where_standard_error_is_no_terminal(tmp_path: Path, broker: BrokerProcess) -> None:
    torn(tmp_path, broker)
    broker.start()
    broker.stop()
    lines = broker.log.read_text().splitlines()
    assert lines
    assert all(LINE_OF_JSON.fullmatch(line) for line in lines)
    (told,) = logged(broker.log.read_text())
    (shown,) = [json.loads(step.text) for step in steps_of(PAGE) if step.kind == "json"]
    assert list(told) == list(shown)
    assert (told["level"], told["logger"]) == (shown["level"], shown["logger"])
    assert is_said(shown["event"], told["event"])
    assert datetime.fromisoformat(told["time"]).utcoffset() == timedelta()


def test_a_broker_logs_for_people_on_a_terminal(tmp_path: Path, broker: BrokerProcess) -> None:
    data = torn(tmp_path, broker)
    command = [sys.executable, "-m", "mq.cli", "broker", "--data", str(data), *ANY]
    shown = said_on_a_terminal_by(command, "recovery", NO_COLOR="1")
    assert re.search(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \[warning *\] .*recovery", shown, re.MULTILINE), shown
    assert "{" not in shown
    assert "\x1b" not in shown


def test_a_terminal_gets_colours_unless_it_is_told_not_to() -> None:
    command = [sys.executable, "-c", f"{PROGRAM}logging.warning('one'); logging.warning('done')"]
    assert "\x1b[" in said_on_a_terminal_by(command, "done", NO_COLOR="")
    assert "\x1b[" not in said_on_a_terminal_by(command, "done", NO_COLOR="1")


def test_up_logs_json_too_and_says_on_standard_output_what_people_wait_for(tmp_path: Path) -> None:
    ports = dict(zip(("ingest", "live", "control", "ops"), free_ports(4), strict=True))
    command = [f"--{name}={port}" for name, port in ports.items()]
    run = Running(tmp_path, [sys.executable, "-m", "mq.cli", "up", "--only=broker", *command], environment())
    try:
        eventually(lambda: "MiniMQ is up" in run.out)
        assert run.end() == 0
        assert [(line["logger"], line["event"]) for line in logged(run.err)] == [("minimq.up", "ending")]
        assert len(run.err.splitlines()) == 1
    finally:
        run.process.kill()
        run.process.wait()


def test_collect_logs_as_the_others_do(tmp_path: Path, broker: BrokerProcess) -> None:
    command = [sys.executable, "-m", "mq.cli", "collect", "cpu", "--node=n1", f"--broker={broker.control}"]
    run = Running(tmp_path, command, environment())
    try:
        eventually(lambda: "pushing to" in run.err)
        assert run.end() == 0
        assert {line["logger"] for line in logged(run.err)} == {"collectors", "collectors.notices"}
        assert all(LINE_OF_JSON.fullmatch(line) for line in run.err.splitlines())
    finally:
        run.process.kill()
        run.process.wait()


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("logging.getLogger('a').warning('%s has %d', 'b\\nc', 2)", {"logger": "a", "event": "b\nc has 2"}),
        ("structlog.get_logger('a').info('served', path='/\\n', status=200)", {"event": "served", "path": "/\n"}),
        ("import warnings; warnings.warn('careful')", {"logger": "py.warnings", "level": "warning"}),
        ("1/0", {"level": "critical", "event": "a bug ends this program"}),
        ("import threading; threading.Thread(target=dict.fromkeys, name='t').start()", {"level": "critical"}),
    ],
)
def test_whatever_says_something_says_it_in_one_line(program: str, told: dict[str, Any]) -> None:
    text = said_by(program)
    (line,) = logged(text)
    assert len(text.splitlines()) == 1
    assert told.items() <= line.items()


def test_one_kind_of_event_cannot_flood_and_what_is_left_out_is_told_at_the_end() -> None:
    text = said_by("[logging.warning('%d of many', number) for number in range(1000)]; logging.warning('another')")
    lines = logged(text)
    assert [line["event"] for line in lines[:LINES_MAX]] == [f"{number} of many" for number in range(LINES_MAX)]
    assert [line["event"] for line in lines[LINES_MAX:]] == ["another", "lines like this were left out: %d of many"]
    assert lines[-1]["left_out"] == 1000 - LINES_MAX


def test_a_thread_that_ends_by_itself_tells_what_was_left_out_when_nothing_else_is_said() -> None:
    program = """
from mq.cli.logs import handler, rate
import threading
rate.WHILE_S = handler.WHILE_S = 0.2
[logging.warning('%d of many', number) for number in range(rate.LINES_MAX + 5)]
(thread,) = [each for each in threading.enumerate() if isinstance(each, threading.Timer)]
thread.join(20)
os._exit(0)
"""
    assert logged(said_by(f"\n{program}"))[-1]["left_out"] == 5


def test_a_pipe_that_nobody_empties_holds_up_nobody_and_what_did_not_fit_is_counted() -> None:
    program = """
import fcntl, threading
from mq.cli.logs import rate
rate.LINES_MAX = 10**9
reading, writing = os.pipe()
fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
before = os.dup(2)
os.dup2(writing, 2)
for _ in range(100):
    logging.warning('x' * 1000)
os.dup2(before, 2)
logging.warning('again')
"""
    (line,) = logged(said_by(f"\n{program}"))
    assert line["event"] == "again"
    assert 90 <= line["unwritten"] < 100


def test_the_level_and_the_form_can_be_chosen() -> None:
    program = "logging.info('quiet'); logging.error('loud')"
    assert [line["event"] for line in logged(said_by(program, MINIMQ_LOG_LEVEL="ERROR"))] == ["loud"]
    shown = said_by(program, MINIMQ_LOG_FORMAT="human")
    assert "[error" in shown
    assert "\x1b" not in shown
    command = [sys.executable, "-c", f"{PROGRAM}logging.warning('done')"]
    assert LINE_OF_JSON.search(said_on_a_terminal_by(command, "done", MINIMQ_LOG_FORMAT="json"))


@pytest.mark.parametrize("name", ["MINIMQ_LOG_LEVEL", "MINIMQ_LOG_FORMAT"])
def test_a_choice_that_there_is_not_is_one_line_that_names_those_there_are(name: str) -> None:
    ran = minimq("broker", "--data", "/nonexistent", environ={name: "loud"})
    assert (ran.code, ran.out) == (1, "")
    assert name in ran.complaint
    assert "'loud' is none of " in ran.complaint
