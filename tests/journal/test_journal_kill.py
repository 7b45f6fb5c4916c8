"""A process that appends is killed for real, at any moment: what it had said to be appended is there."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest
from journal_kit import TOPIC, Box, put, read_all

from mq.journal.verify import verify

APPEND = """
import sys
sys.path.insert(0, sys.argv[2])
from journal_kit import ALL, Box, checked
from pathlib import Path
box = Box(Path(sys.argv[1]))
journal = box.open()
number = sum(info.next for info in journal.topics(ALL, None, 9)[0])
while True:
    frames = [checked("host/n1/cpu", b"%d" % (number + each), b"x" * (number % 50)) for each in range(5)]
    (run,) = journal.append(frames)
    number = run.next
    print(run.next, flush=True)
    if number % 70 == 0:
        journal.checkpoint()
"""


def _append_until_killed(box: Box, lines: int) -> int:
    """Let another process append, kill it after so many answers, and return the last it gave."""
    program = [sys.executable, "-c", APPEND, box.data, str(Path(__file__).parent)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as child:
        assert child.stdout is not None
        for _ in range(lines):
            line = child.stdout.readline()
        child.kill()
        return max(int(line), *(int(each) for each in child.stdout.read().splitlines()[:-1]), 0)


@pytest.mark.slow
def test_nothing_that_was_appended_is_lost_to_a_kill(tmp_path: Path) -> None:
    box = Box(tmp_path / "data")
    chance = random.Random(1)  # noqa: S311 - the same test each time
    end, epoch = 0, 0
    for _ in range(8):
        said = _append_until_killed(box, chance.randrange(20, 300))
        report = verify(box.data)
        assert report.whole
        journal = box.open()
        seen = read_all(journal, TOPIC, size=1 << 20)
        assert not seen.gaps
        assert list(seen.records) == list(range(seen.next))
        assert seen.next >= said > end
        assert journal.epoch > epoch + 1 or epoch == 0
        assert put(journal, b"%d" % seen.next).offset == seen.next
        end, epoch = seen.next, journal.epoch
        box.kill()
