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

import mq


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


def test_markup_in_a_name_is_text(broker: BrokerProcess) -> None:
    with mq.Subscriber(broker.control, "#", name="[bold]x[/]") as subscriber:
        subscriber.receive(0.1)
        eventually(lambda: "[bold]x[/]" in minimq("top", "--once", broker=broker.control).out)


def test_a_broker_that_dies_is_said_to_be_away_and_is_there_again_after(broker: BrokerProcess) -> None:
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, 80))
    environ = environment(broker.control, TERM="xterm")
    run = subprocess.Popen([*MINIMQ, "top"], stdin=slave, stdout=slave, stderr=slave, env=environ)
    seen = bytearray()
    try:
        eventually(_seen(master, seen, b"syncs/s"))
        broker.kill()
        eventually(_seen(master, seen, b"no answer for"))
        broker.restart()
        termios.tcsetwinsize(master, (15, 60))
        seen.clear()
        eventually(_seen(master, seen, b"minimq 0."))
        os.write(master, b"q")
        eventually(_seen(master, seen, b"\x1b[?1049l"))
        assert run.wait(20) == 0
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
