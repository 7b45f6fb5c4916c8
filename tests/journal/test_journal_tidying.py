"""Retention on real files: what is deleted, what is closed for it, and what is not touched."""

from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from journal_faults import FaultyFiles
from journal_kit import ALL, SECOND, SMALL, TOPIC, Box, fill, put, read_all

from mq.config import Retention
from mq.journal import tidying
from mq.journal.file_journal import FileJournal
from mq.journal.retention import SteadyClock
from mq.journal.verify import verify
from mq.topic import Pattern

DAY = 86_400
BIG = 1 << 40
KEEP_ALL = replace(SMALL, topic_bytes_max=BIG, journal_bytes_max=BIG, topic_age_s=1e9, segment_age_s=1e9)


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path / "data", KEEP_ALL)


@pytest.fixture(autouse=True)
def _a_step_is_a_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tidying, "ROUND_PAUSE_STEPS", 1)


class Believed(SteadyClock):
    """A clock that is believed whatever it says: jumps are tested by themselves."""

    def now(self) -> int:
        """Return what it says."""
        return self._clock()


def opened(box: Box, **limits: Any) -> FileJournal:
    """Open the journal with limits; of its clock every word is taken."""
    journal = box.open(replace(KEEP_ALL, **limits))
    journal._tidying._clock = Believed(box.clock, lambda: 0)
    return journal


def held(journal: FileJournal) -> dict[str, tuple[int, int, int]]:
    """Return first offset, bytes and segments by topic."""
    return {info.topic: (info.first, info.bytes, info.segments) for info in journal.topics(ALL, None, 999)[0]}


def test_with_room_for_all_nothing_is_touched(box: Box) -> None:
    journal = opened(box)
    fill(journal, 100)
    before = held(journal)
    journal.tidy()
    assert held(journal) == before


def test_a_topic_keeps_its_bytes(box: Box) -> None:
    journal = opened(box, topic_bytes_max=8_000)
    fill(journal, 200)
    journal.tidy()
    first, size, _ = held(journal)[TOPIC]
    assert 8_000 <= size < 8_000 + 2 * SMALL.segment_bytes
    assert list(read_all(journal, TOPIC, first).records) == list(range(first, 200))
    assert verify(box.data).findings == []


def test_a_topic_keeps_its_records(box: Box) -> None:
    journal = opened(box, topic_records_max=50)
    fill(journal, 200)
    journal.tidy()
    assert 100 < held(journal)[TOPIC][0] <= 150


def test_the_first_pattern_that_matches_says_what_a_topic_keeps(box: Box) -> None:
    rules = (
        Retention(Pattern.parse("a/+"), {"topic_records_max": 1}),
        Retention(Pattern.parse("#"), {"topic_bytes_max": 1 << 30}),
    )
    journal = opened(box, retention=rules, topic_records_max=100, topic_bytes_max=4_096)
    for topic in ("a/b", "other"):
        fill(journal, 200, topic)
    journal.tidy()
    kept = held(journal)
    assert kept["a/b"][2] == 1
    assert 200 - kept["other"][0] >= 100  # by its own bytes and everybody's records


def test_what_is_too_old_goes_and_the_active_segment_stays(box: Box) -> None:
    journal = opened(box, topic_age_s=DAY)
    fill(journal, 100)
    box.clock.now += 2 * DAY * SECOND
    journal.tidy()
    assert held(journal)[TOPIC][2] == 1
    assert put(journal, b"next").offset == 100


def test_a_quiet_topic_is_closed_by_age_and_then_trimmed(box: Box) -> None:
    """All of it goes in the end, and its offsets go on."""
    journal = opened(box, topic_age_s=2 * DAY, segment_age_s=DAY)
    fill(journal, 5)
    box.clock.now += DAY * SECOND + 1
    journal.tidy()
    assert held(journal)[TOPIC][2] == 2
    box.clock.now += DAY * SECOND
    journal.tidy()
    assert held(journal)[TOPIC] == (5, 0, 1)
    journal.checkpoint()
    journal = opened(box)
    assert held(journal)[TOPIC] == (5, 0, 1)
    assert put(journal, b"next").offset == 5


def test_after_a_restart_age_is_told_by_the_records(box: Box) -> None:
    """Nobody remembers when a segment was closed: the one behind it tells."""
    journal = opened(box)
    fill(journal, 40)
    box.clock.now += DAY * SECOND
    fill(journal, 80)
    journal = opened(box, topic_age_s=DAY)
    box.clock.now += 10 * SECOND
    journal.tidy()
    first, _, segments = held(journal)[TOPIC]
    assert 0 < first <= 40
    assert segments > 1


def test_all_topics_together_keep_the_youngest(box: Box) -> None:
    journal = opened(box, journal_bytes_max=1 << 15)
    for topic in ("old", "new"):
        fill(journal, 200, topic)
        box.clock.now += SECOND
    journal.tidy()
    assert sum(size for _, size, _ in held(journal).values()) <= 1 << 15
    assert held(journal)["old"][2] == 1
    assert held(journal)["new"][2] > 1


def test_many_small_topics_are_closed_to_be_trimmed(box: Box) -> None:
    """Where no closed segment is left, the largest active ones are closed, and go in the next round."""
    journal = opened(box, journal_bytes_max=20_000)
    for number in range(20):
        fill(journal, 10, f"t{number}")
    for _ in range(3):
        journal.tidy()
    assert sum(size for _, size, _ in held(journal).values()) <= 20_000
    assert {put(journal, b"x", topic=f"t{number}").offset for number in range(20)} == {10}


def test_many_topics_are_gone_through_a_few_at_a_time(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tidying, "TOPICS_A_STEP", 3)
    journal = opened(box, topic_records_max=1)
    for number in range(10):
        fill(journal, 60, f"t{number}")
    trimmed = []
    for _ in range(4):
        journal.tidy()
        trimmed.append(sum(first > 0 for first, _, _ in held(journal).values()))
    assert trimmed == [3, 6, 9, 10]


def test_what_cannot_be_deleted_is_told_once_and_tried_again(box: Box, caplog: pytest.LogCaptureFixture) -> None:
    files = box.files = FaultyFiles()
    journal = opened(box, topic_records_max=1)
    fill(journal, 100)
    fault = files.add("remove", ".log", errno.EROFS)
    for _ in range(4):
        journal.tidy()
    assert len([each for each in caplog.messages if "stays there for now" in each]) == 1
    assert put(journal, b"goes on").offset == 100
    files.faults.remove(fault)
    journal.tidy()
    assert held(journal)[TOPIC][0] > 0


def test_a_clock_that_jumps_by_a_year_deletes_nothing(box: Box) -> None:
    journal = box.open(replace(KEEP_ALL, topic_age_s=DAY, segment_age_s=DAY))
    fill(journal, 100)
    before = held(journal)
    for jump in (365, -730):
        box.clock.now += jump * DAY * SECOND
        journal.tidy()
        assert held(journal) == before
    journal.close()
    box.opened.clear()
    box.clock.now += 730 * DAY * SECOND
    journal = box.open(replace(KEEP_ALL, topic_age_s=DAY, segment_age_s=DAY))
    journal.tidy()
    assert held(journal) == before
