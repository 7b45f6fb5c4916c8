"""One flipped bit anywhere: no wrong record is served, none is lost but those of the frame that it is in."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from flipping import Flip, Frame, Known, build
from journal_kit import Box, Seen, put, read_all, split

from mq.journal.file_journal import FileJournal
from mq.journal.report import Report
from mq.journal.verify import verify
from mq.topic import Pattern

log = logging.getLogger(__name__)

EACH_END = pytest.mark.parametrize("killed", [False, True], ids=["closed", "killed"])


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    box = Box(tmp_path / "data")
    yield box
    box.kill()


@EACH_END
def test_a_few_hundred_flips_cost_what_they_hit_and_nothing_else(box: Box, killed: bool) -> None:
    flip_each(box, build(box, killed=killed), 200)


@pytest.mark.slow
@pytest.mark.timeout(480)
@EACH_END
def test_ten_thousand_flips_cost_what_they_hit_and_nothing_else(box: Box, killed: bool) -> None:
    flip_each(box, build(box, killed=killed), 5_000)


def flip_each(box: Box, known: Known, count: int) -> None:
    flips = known.flips(count)
    log.info("%d flips: %s", len(flips), Counter(kind_of(flip) for flip in flips))
    for flip in flips:
        known.lay_out(box.path, flip)
        try:
            look_at(box, known, flip)
        except Exception as error:
            error.add_note(f"{flip} in {known.hit(flip)}")
            raise
        finally:
            box.kill()


def kind_of(flip: Flip) -> str:
    """Return what a flip is in: log, index, @mark, or the file journal."""
    return flip.path.rpartition("/")[2].rpartition(".")[2]


def look_at(box: Box, known: Known, flip: Flip) -> None:
    """See what one flip costs: before opening, after it, and after appending and opening once more."""
    frame = known.hit(flip)
    assert_named(verify(box.data), box.data, known, flip, frame)
    journal, ends = box.open(), dict[str, int]()
    for topic, truth in known.truth.items():
        lost = set(frame.offsets) if frame is not None and frame.topic == topic else set()
        cut = bool(lost) and frame is not None and known.may_be_cut(frame)
        seen = read_all(journal, topic, size=1 << 20)
        assert seen.records == {offset: record for offset, record in truth.items() if offset not in lost}
        assert seen.lost == (set() if cut else lost)
        assert_found(journal, topic, seen, box.clock.now)
        assert put(journal, b"more", topic=topic).offset == seen.next == len(truth) - (len(lost) if cut else 0)
        ends[topic] = seen.next
    journal = box.open()
    for topic, end in ends.items():
        assert read_all(journal, topic, end - 1 if end else 0, 1 << 20).records[end] == b"more"


def assert_found(journal: FileJournal, topic: str, seen: Seen, now: int) -> None:
    """See that what is asked for by time, or as the last, is one of what is there."""
    frames = split(seen.frames, topic)
    last, _ = journal.last([Pattern.parse(topic)], None, 1)
    assert last == (seen.frames[-len(last) :] if frames else b"")
    assert len(split(last, topic)) == bool(frames)
    for frame in frames[:: max(1, len(frames) // 4)]:
        header = frame.header
        assert journal.offset_at(topic, header.appended) == header.offset
    assert journal.offset_at(topic, now + 1) == seen.next


def assert_named(report: Report, data: str, known: Known, flip: Flip, frame: Frame | None) -> None:
    """See that `verify` names the flip where it costs something, and nothing else."""
    if flip.path.endswith(".index"):
        assert not report.findings
        assert [note.path for note in report.notes] == [f"{data}/{flip.path}"]
        return
    (found,) = report.findings
    assert found.path == f"{data}/{flip.path}"
    assert found.start <= flip.byte < found.stop
    if frame is None:
        assert (found.kind, found.first) == ("damage", None)
    elif known.may_be_cut(frame):
        assert (found.kind, found.first) == ("torn", frame.offsets.start)
    else:
        assert (found.kind, found.first, found.next) == ("damage", frame.offsets.start, frame.offsets.stop)
