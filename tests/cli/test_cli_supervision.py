"""The loop that keeps children running, with children made for it."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from cli_kit import Running, environment, logged
from waiting import eventually

from mq.cli.logs.rate import LINES_MAX
from mq.cli.supervision import how_it_ended

SUPERVISE = """
import os, subprocess, sys
from mq.cli import logs, restarts
from mq.cli.children import Children
from mq.cli.supervision import Program, supervise
logs.configure(os.environ, watched=False)
restarts.RESTART_S_MIN = 0.001
restarts.RESTART_S_MAX = float(sys.argv[3])
with Children() as children:
    children.start("child", ["/bin/sh", "-c", sys.argv[1]], os.environ, subprocess.PIPE)
    opened = len(os.listdir("/proc/self/fd"))
    supervise(children, {"child": Program(["/bin/sh", "-c", sys.argv[1]] if sys.argv[2] == "" else [sys.argv[2]],
                                          os.environ, speaks=True)})
    print(opened, len(os.listdir("/proc/self/fd")))
"""
DIED, AGAIN = "the child ended", "starting it again"
RATED = "the %s %s; starting it again in %g s"
# A child that says more than a pipe holds in each life but the first, and asks for the end in its hundredth.
LIVES = """
echo ready; [ ! -s lives ] || yes | head -c 100000
printf x >> lives; [ $(wc -c < lives) -lt 100 ] || { kill -TERM $PPID; sleep 60; }
"""


def supervised(directory: Path, child: str, again: str = "", delay_s_max: float = 0.001) -> Running:
    """Keep a child running, given as a line of shell; `again` is another program to start in its place."""
    return Running(directory, [sys.executable, "-c", SUPERVISE, child, again, str(delay_s_max)], environment())


def test_a_hundred_restarts_leave_nothing_open_and_nothing_that_a_child_prints_holds_it(tmp_path: Path) -> None:
    run = supervised(tmp_path, LIVES)
    try:
        assert run.ended(60) == 0
        opened, in_the_end = map(int, run.out.split())
        assert in_the_end == opened - 1  # the pipe of its first life
        assert (tmp_path / "lives").stat().st_size == 100
        *lines, last = logged(run.err)
        assert [line["event"] for line in lines] == LINES_MAX * [f"{DIED} with exit code 0; {AGAIN} in 0.001 s"]
        assert (last["event"], last["left_out"]) == (f"lines like this were left out: {RATED}", 99 - LINES_MAX)
    finally:
        run.process.kill()
        run.process.wait()


def test_a_program_that_is_away_is_one_more_death(tmp_path: Path) -> None:
    run = supervised(tmp_path, "exit 3", "/nonexistent/python", delay_s_max=60)
    try:
        eventually(lambda: "in 0.008 s" in run.err)
        assert run.end(signal.SIGTERM) == 0
        first, second, *_ = run.events
        assert first == f"{DIED} with exit code 3; {AGAIN} in 0.001 s"
        away = "could not be started ([Errno 2] No such file or directory: '/nonexistent/python')"
        assert second == f"the child {away}; {AGAIN} in 0.002 s"
    finally:
        run.process.kill()
        run.process.wait()


def test_standard_error_that_nobody_empties_holds_up_neither_a_restart_nor_the_end(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"x" * fcntl.fcntl(writing, fcntl.F_GETPIPE_SZ))
    process = subprocess.Popen(
        [sys.executable, "-c", SUPERVISE, LIVES, "", "0.001"],
        stdout=subprocess.DEVNULL,
        stderr=writing,
        cwd=tmp_path,
        env=environment(),
    )
    try:
        assert process.wait(60) == 0
        assert (tmp_path / "lives").stat().st_size == 100
    finally:
        process.kill()
        process.wait()
        os.close(reading)
        os.close(writing)


def test_how_a_child_ended_is_said_in_words() -> None:
    assert how_it_ended(2) == "ended with exit code 2"
    assert how_it_ended(-signal.SIGSEGV) == "was ended by SIGSEGV"
    assert re.fullmatch(r"was ended by signal \d+", how_it_ended(-(signal.SIGRTMIN + 1)))
