"""Children that do not end when they are asked to."""

from __future__ import annotations

import os
import subprocess
import sys


def test_a_child_that_does_not_end_is_killed_and_named() -> None:
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    )
    program = f"""
import os, subprocess, sys
from mq.cli import children
children.END_S_MAX = 0.2
with children.Children() as them:
    them.start("mule", [sys.executable, "-c", {stubborn!r}], os.environ, subprocess.PIPE)
    assert them.wait_until(lambda: them.has_spoken("mule"), 0.05) is None
    print(them.running["mule"].pid)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == "minimq: mule does not end, killed\n"
    assert not os.path.exists(f"/proc/{done.stdout.strip()}")
