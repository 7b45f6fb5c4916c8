"""``minimq up``, once all is up: what dies is started again, and a signal ends all at any moment."""

from __future__ import annotations

import fcntl
import os
import re
import signal
from pathlib import Path

import pytest
from up_kit import END_S_MAX, Up, up
from waiting import eventually


def kill(run: Up, kind: str, of: int) -> None:
    """Kill one of so many children, and return once it is there again."""
    before = run.children(of)[kind]
    before.kill()
    eventually(lambda: run.children(of)[kind] != before)


def test_each_child_that_dies_is_started_again_with_one_line_and_the_others_go_on(tmp_path: Path) -> None:
    with up(tmp_path) as run:
        run.wait_for_page()
        before = run.children(4)
        for kind in before:
            kill(run, kind, of=4)
            after = run.children(4)
            assert {each for each in before if after[each] != before[each]} == {kind}
            before = after
        assert run.complaints() == [
            f"the {name} was ended by SIGKILL; starting it again in 0.5 s"
            for name in ({"collectors": "collector", "panel": "viewer"}.get(kind, kind) for kind in before)
        ]
        assert run.end(signal.SIGINT, END_S_MAX) == 0
        assert run.all_gone()


def test_a_broker_that_dies_again_and_again_comes_back_later_each_time_with_its_ports_and_records(
    tmp_path: Path,
) -> None:
    with up(tmp_path, "--only=broker,collectors") as run:
        run.wait_for(f"MiniMQ is up: broker at {run.control}")
        first = eventually(run.newest)
        for _ in range(3):
            kill(run, "broker", of=2)
        assert first is not None
        eventually(lambda: (run.newest() or first).offset != first.offset)
        died = "the broker was ended by SIGKILL; starting it again in "
        assert run.complaints() == [f"{died}{delay} s" for delay in ("0.5", "1", "2")]
        assert "ready" not in run.out


def test_a_broker_that_cannot_come_back_says_why_and_is_tried_again(tmp_path: Path) -> None:
    with up(tmp_path, "--only=broker") as run:
        run.wait_for("MiniMQ is up")
        directory = os.open(tmp_path / "data", os.O_RDONLY)
        try:
            run.children(1)["broker"].kill()
            fcntl.flock(directory, fcntl.LOCK_EX)  # ours from its death on: the next one finds it held
            refused = "the broker ended with exit code 1; starting it again in 1 s"
            eventually(lambda: refused in run.complaints())
        finally:
            os.close(directory)
        assert re.search(r"^minimq: \S+/data is in use by another broker", run.err, re.MULTILINE)
        assert run.newest() is None  # it answers
        assert run.end(signal.SIGTERM, END_S_MAX) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_while_a_child_is_away(tmp_path: Path, number: signal.Signals) -> None:
    with up(tmp_path, "--only=broker,collectors") as run:
        run.wait_for("MiniMQ is up")
        run.children(2)["broker"].kill()
        eventually(run.complaints)
        assert run.end(number, END_S_MAX) == 0
        assert run.all_gone()
        assert run.events[-1] == "ending"


def test_children_that_are_stopped_end_all_the_same_and_cleanly(tmp_path: Path) -> None:
    with up(tmp_path) as run:
        run.wait_for_page()
        for child in run.children(4).values():
            child.suspend()
        assert run.end(signal.SIGINT, END_S_MAX) == 0
        assert run.all_gone()
        assert run.events[-1] == "ending"
