"""A broker that does not answer is said in the viewer's log: once, with what to do, and once that it answers again."""

from __future__ import annotations

import pytest

from viewer.silence import PATIENCE_S, Silence

BROKER = "tcp://brokr:5557"


def test_a_broker_that_stays_away_is_named_once_and_so_is_its_return(caplog: pytest.LogCaptureFixture) -> None:
    silence = Silence(BROKER)
    for moment in (0.0, PATIENCE_S - 0.1, PATIENCE_S, PATIENCE_S + 50):
        silence.note(connected=False, moment=moment)
    (said,) = caplog.messages
    assert said.startswith(f"no broker answers at {BROKER} (waited 3 s): start one with")
    assert "or name another with --broker or MINIMQ_BROKER; trying again" in said
    silence.note(connected=True, moment=60.0)
    silence.note(connected=True, moment=61.0)
    assert caplog.messages[1:] == [f"the broker at {BROKER} answers"]


def test_a_short_absence_is_no_news(caplog: pytest.LogCaptureFixture) -> None:
    silence = Silence(BROKER)
    for moment in range(100):
        silence.note(connected=moment % 3 == 0, moment=float(moment))
    assert not caplog.messages
