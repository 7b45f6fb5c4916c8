"""Looking at every byte of a capsule: what is in it, and each place that does not hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import NamedTuple

from mq.capsule.contents import events
from mq.capsule.file import CapsuleFile
from mq.capsule.labels import About, Frames, Lost, Row
from mq.capsule.layout import HEAD_SIZE
from mq.capsule.survey import Survey, Wound, survey
from mq.errors import CapsuleDamaged
from mq.frame import HEADER_SIZE

Progress = Callable[[int, int], None]


class Finding(NamedTuple):
    """What does not hold: bytes `start` to `stop` - 1; of a topic offsets `first` to `next` - 1, where that is known.

    `kind` is "damage", or "torn" where the file ends too early.
    """

    kind: str
    start: int
    stop: int
    topic: str | None
    first: int | None
    next: int | None
    why: str


@dataclass(slots=True)
class Report:
    """What was seen. `lost` is what the journal could not give when the capsule was made: no damage of this file."""

    path: str
    about: About | None
    rows: list[Row]
    frames: int = 0
    records: int = 0
    bytes: int = 0
    lost: list[Lost] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether every byte is as it was written."""
        return not self.findings


def check(path: str, progress: Progress | None = None) -> Report:
    """Look at all of it. Raises `CapsuleUnusable`, and `OSError` where the disk does not read."""
    with closing(CapsuleFile(path)) as file:
        found = survey(file)
        report = Report(path, found.about, found.rows)
        wounds = [*found.wounds, *_wounds_beside_index(file, found)]
        report.findings += [_of_wound(wound) for wound in wounds]
        for row in found.rows:
            _look_at(file, row, report)
            if progress is not None and row.blocks:
                progress(min(row.blocks[-1].stop, file.size), file.size)
    return report


def _look_at(file: CapsuleFile, row: Row, report: Report) -> None:
    for event in events(file, row):
        if isinstance(event, CapsuleDamaged):
            first, following = (event.first, event.next) if event.first < event.next else (None, None)
            finding = Finding("damage", event.start, event.stop, event.topic, first, following, event.why)
            report.findings.append(finding)
        elif isinstance(event, Lost):
            report.lost.append(event)
        else:
            report.frames += 1
            report.records += event.header.count
            report.bytes += len(event.topic) + 1 + HEADER_SIZE + len(event.body)


def _wounds_beside_index(file: CapsuleFile, found: Survey) -> Iterator[Wound]:
    """Hold what the index says against the blocks: they have to stand one behind the other, and say the same."""
    if found.index is None:
        return
    at = HEAD_SIZE
    first = file.block_at(at)
    if first is not None and file.label_of(first) == found.about:
        at = first.stop
    else:
        stop = min((row.blocks[0].at for row in found.rows if row.blocks), default=found.index.at)
        yield Wound(at, stop, "what the capsule says of itself does not hold")
        at = stop
    for row in found.rows:
        seen = Row(row.topic)
        for block in row.blocks:
            if block.at != at:
                yield Wound(min(at, block.at), max(at, block.at), "the index leads past these bytes")
            label = file.label_of(block)
            if isinstance(label, (Frames, Lost)) and label.topic == row.topic:
                seen.add(block, label)
            else:
                yield Wound(block.at, block.frames_at, "the header or the label of a block does not hold")
            at = block.stop
        if seen.blocks == row.blocks and seen != row:
            yield Wound(found.index.at, found.index.stop, f"the index says of {row.topic} what its blocks do not say")
    if at != found.index.at:
        yield Wound(min(at, found.index.at), max(at, found.index.at), "the index leads past these bytes")


def _of_wound(wound: Wound) -> Finding:
    return Finding("torn" if wound.torn else "damage", wound.start, wound.stop, None, None, None, wound.why)
