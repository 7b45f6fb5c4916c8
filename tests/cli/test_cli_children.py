"""Children that do not end when they are asked to, and a parent that is stopped and continued."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
from cli_kit import logged
from waiting import eventually


def test_a_child_that_does_not_end_is_killed_and_named() -> None:
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    )
    program = f"""
import os, subprocess, sys
from mq.cli import children, logs
logs.configure(os.environ, watched=False)
children.END_S_MAX = 0.2
with children.Children() as them:
    them.start("mule", [sys.executable, "-c", {stubborn!r}], os.environ, subprocess.PIPE)
    assert them.wait_until(lambda: them.has_spoken("mule"), 0.05) is None
    print(them.running["mule"].pid)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert [line["event"] for line in logged(done.stderr)] == ["mule does not end, killed"]
    assert not os.path.exists(f"/proc/{done.stdout.strip()}")


def test_a_parent_that_is_continued_after_its_time_has_heard_no_signal() -> None:
    program = """
from mq.cli import children
with children.Children() as them:
    print("ready", flush=True)
    print(them.wait(0.3), them.wait(0.0), flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGSTOP)
        eventually(lambda: psutil.Process(process.pid).status() == psutil.STATUS_STOPPED)
        due = time.monotonic() + 0.6
        eventually(lambda: time.monotonic() > due)
        process.send_signal(signal.SIGCONT)
        assert process.stdout.readline() == "None None\n"
        assert process.wait(20) == 0
