"""``minimq top`` with a real broker: once on paper, and on a terminal that is left as it was."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import termios
from collections.abc import Callable

import pytest
from broker_process import BrokerProcess
from cli_kit import MINIMQ, environment, minimq, nobody, store
from waiting import eventually


def test_where_there_is_no_terminal_one_snapshot_is_printed(broker: BrokerProcess) -> None:
    store(broker, "notes", b"one", b"two")
    ran = minimq("top", broker=broker.control)
    assert (ran.code, ran.err) == (0, "")
    assert "\x1b" not in ran.out
    assert any(line.split()[0] == "notes" and line.split()[-1] == "2" for line in ran.lines if line.split())


def test_without_a_broker_a_snapshot_says_so() -> None:
    with nobody() as endpoint:
        ran = minimq("top", "--once", "--timeout", "0.5", broker=endpoint)
    assert (ran.code, ran.out) == (1, "")
    assert endpoint in ran.complaint


@pytest.mark.parametrize(("number", "code"), [(None, 0), (signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_terminal_is_left_as_it_was(broker: BrokerProcess, number: signal.Signals | None, code: int) -> None:
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (15, 60))
    before = termios.tcgetattr(slave)
    environ = environment(broker.control, TERM="xterm")
    run = subprocess.Popen([*MINIMQ, "top"], stdin=slave, stdout=slave, stderr=slave, env=environ)
    seen = bytearray()
    try:
        eventually(_seen(master, seen, b"syncs/s"))
        assert b"\x1b[?1049h" in seen
        if number is None:
            os.write(master, b"q")
        else:
            run.send_signal(number)
        eventually(_seen(master, seen, b"\x1b[?1049l"))
        assert run.wait(20) == code
        assert termios.tcgetattr(slave) == before
    finally:
        run.kill()
        run.wait()
        os.close(master)
        os.close(slave)


def _seen(master: int, seen: bytearray, wanted: bytes) -> Callable[[], bool]:
    def look() -> bool:
        if select.select([master], [], [], 0)[0]:
            seen.extend(os.read(master, 65_536))
        return wanted in seen

    return look
