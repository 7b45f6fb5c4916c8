"""What a broker logs of frames that its journal refuses."""

from __future__ import annotations

import pytest

from mq.broker.unstored import QUIET_S, Unstored
from mq.errors import AppendFailed
from mq.frame import check, encode
from mq.journal.interface import Run

FRAME = check(encode("a", [b"x"], produced=1))
GOOD = Run(b"a", [FRAME])
BAD = Run(b"b", [FRAME, FRAME], error=AppendFailed("disk_full", "data/b: No space left on device"))


def said(turns: list[tuple[float, list[Run]]], caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what is logged of turns at these moments."""
    now = 0.0
    unstored = Unstored(lambda: now)
    for moment, runs in turns:
        now = moment
        unstored.note(runs)
    return caplog.messages


def test_it_is_said_when_it_begins_and_when_it_is_over(caplog: pytest.LogCaptureFixture) -> None:
    """However many turns there are in between."""
    turns = [(0.0, [GOOD]), (1.0, [BAD]), (2.0, [BAD, GOOD]), (2.1, [GOOD]), (2.0 + QUIET_S, [GOOD]), (99.0, [GOOD])]
    assert said(turns, caplog) == [
        "frames are not stored, and go out live only: disk_full: data/b: No space left on device",
        "frames are stored again; 4 were not, they went out live only",
    ]


def test_one_topic_that_is_refused_among_others_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """And a turn that stores nothing proves nothing."""
    turns: list[tuple[float, list[Run]]] = [(second / 2, [BAD] if second % 2 else [GOOD]) for second in range(100)]
    assert len(said([*turns, (200.0, [])], caplog)) == 1


def test_while_all_is_stored_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """The ordinary case."""
    assert said([(0.0, [GOOD]), (9.0, [GOOD])], caplog) == []
