"""The mark below which nothing is stored for producers: when it begins, when it ends, and what each is told."""

from __future__ import annotations

import logging

import pytest
from broker_kit import MemoryJournal

from mq.broker.room import LOOK_S, Room
from mq.frame import Checked, check, encode

LEAST = 1_000


def frames(*topics: str) -> list[Checked]:
    return [check(encode(topic, [b"x"], produced=1)) for topic in topics]


class Scene:
    """A disk that has as much free as is said, and a clock that is moved by hand."""

    def __init__(self, free: int, least: int = LEAST) -> None:
        self.journal = MemoryJournal(free=free)
        self.now = 0.0
        self.room = Room(self.journal, least, lambda: self.now)

    def free(self, size: int, after_s: float = LOOK_S) -> bool:
        """Let so much be free, and return whether that is too little."""
        self.journal.free = size
        self.now += after_s
        self.room.look()
        return self.room.low


def test_between_the_mark_and_a_quarter_above_it_all_stays_as_it_was(caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene(LEAST)
    with caplog.at_level(logging.WARNING):
        sizes = [1_240, 999, 1_240, 1_000, 1_250, 1_100, 1_000, 0, 1_249, 9_999]
        assert [scene.free(size) for size in sizes] == [False, *[True] * 3, *[False] * 3, True, True, False]
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"] * 2


def test_low_it_keeps_frames_out_by_topic_and_says_what_is_set_and_what_there_is() -> None:
    scene = Scene(999)
    runs = scene.room.append(frames("a", "b", "a"))
    assert [(run.topic, len(run.checked)) for run in runs] == [(b"a", 2), (b"b", 1)]
    for run in runs:
        assert run.error is not None
        assert run.error.reason == "busy"
        assert "999 bytes free" in run.error.why
        assert "disk_free_bytes_min is 1,000" in run.error.why
    assert not scene.journal.logs


def test_a_journal_that_has_failed_says_so_itself() -> None:
    scene = Scene(0)
    scene.journal.failure = "the disk has died"
    assert scene.room.append(frames("a"))[0].error is None  # this journal in memory goes on, and was asked


def test_it_looks_at_most_once_a_second_unless_what_was_appended_could_have_used_it_up() -> None:
    scene = Scene(LEAST + 100)
    assert not scene.free(0, after_s=LOOK_S / 2)
    assert scene.room.append(frames("a"))[0].error is None
    assert not scene.room.low
    assert scene.room.append(frames("a"))[0].error is None
    assert scene.room.low


def test_with_0_it_is_never_low() -> None:
    scene = Scene(0, least=0)
    assert not scene.free(0)
    assert scene.room.append(frames("a"))[0].error is None
