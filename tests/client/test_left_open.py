"""What nobody closed: it ends when it is collected, in a cycle or not, and with the process."""

from __future__ import annotations

import subprocess
import sys

import pytest

NOBODY = "tcp://127.0.0.1:1"
ENDS_S_MAX = 30.0
KINDS = {
    "push": f"mq.Push({NOBODY!r})",
    "subscriber": f"mq.Subscriber({NOBODY!r}, 'a')",
    "shared": f"mq.SharedConsumer({NOBODY!r}, 'a', 'name')",
    "replay": f"mq.replay({NOBODY!r}, 'a')",
    "producer": f"mq.Producer({NOBODY!r})",
}
WAYS = {
    "dropped": "del it; gc.collect(); print(threads())",
    "in a cycle": "ring = [it]; ring.append(ring); del it, ring; gc.collect(); print(threads())",
    "with the process": "print(0)",
}
PROGRAM = """
import gc, os, mq
def threads(): return len(os.listdir('/proc/self/task')) - 1
it = {kind}
{way}
"""


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", KINDS)
def test_it_ends(kind: str, way: str) -> None:
    """A producer has a thread of its own, which goes on until it is closed, or the process ends."""
    program = PROGRAM.format(kind=KINDS[kind], way=WAYS[way])
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=ENDS_S_MAX, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert kind == "producer" or ran.stdout == "0\n"
