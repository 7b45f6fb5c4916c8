"""The frames of one topic, in order, and between them what is not there: said by the capsule, or found damaged now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mq.capsule.file import CapsuleFile
from mq.capsule.labels import Frames, Label, Lost, Row
from mq.capsule.layout import Block
from mq.errors import CapsuleDamaged, FrameRefused
from mq.frame import HEADER_SIZE, Frame, header_at, parse
from mq.topic import TOPIC_BYTES_MAX

Event = Frame | Lost | CapsuleDamaged


class Piece(NamedTuple):
    """Bytes `start` to `stop` - 1 of the file: a frame, or why they are none."""

    start: int
    stop: int
    found: Frame | str


def events(file: CapsuleFile, row: Row) -> Iterator[Event]:
    """Yield what there is of a topic, and what there is not."""
    course = _Course(file.path, row)
    label = None
    for block in row.blocks:
        label = file.label_of(block)
        if isinstance(label, Lost):
            yield from course.lose(label)
            continue
        if label is None and not block.frames:
            course.hurt(Piece(block.at, block.stop, "the label of a block does not hold"))
        for piece in pieces(block, label, file.frames_of(block)):
            yield from course.take(piece)
    yield from course.close(known=label is not None)


def pieces(block: Block, label: Label | None, frames: bytes) -> Iterator[Piece]:
    """Take the frames of a block apart, by the sizes in its label, or by what they say of themselves. Pure."""
    sizes = label.sizes if isinstance(label, Frames) else _own_sizes(frames)
    at, stop = 0, block.frames
    for size in sizes:
        start, at = at, min(at + size, stop)
        yield Piece(block.frames_at + start, block.frames_at + at, _frame(frames[start:at], size))
    if at < stop:
        yield Piece(block.frames_at + at, block.stop, "no frame that holds begins here")


class _Course:
    """How far the offsets of a topic have come. What does not hold is told once it is known which offsets that were."""

    def __init__(self, path: str, row: Row) -> None:
        self._path, self._row = path, row
        self._due = row.first
        self._wound: Piece | None = None

    def hurt(self, piece: Piece) -> None:
        """Take in what does not hold; it may be one stretch with what came before."""
        start = self._wound.start if self._wound is not None else piece.start
        self._wound = piece._replace(start=start)

    def take(self, piece: Piece) -> Iterator[Event]:
        """Take in what was found: a frame has to follow the one before."""
        if isinstance(piece.found, str):
            self.hurt(piece)
            return
        frame, header = piece.found, piece.found.header
        if frame.topic != self._row.topic or header.offset < self._due or not header.count:
            self.hurt(piece._replace(found="a frame stands here that does not follow the one before"))
            return
        if header.offset > self._due and self._wound is None:
            self.hurt(piece._replace(stop=piece.start + 1, found="the frames before this one are not there"))
        yield from self._tell(header.offset)
        self._due = header.next_offset
        yield frame

    def lose(self, label: Lost) -> Iterator[Event]:
        """Take in what was not there when the capsule was made."""
        yield from self._tell(label.first)
        self._due = max(self._due, label.next)
        yield label

    def close(self, *, known: bool) -> Iterator[Event]:
        """Tell what is left, at the end of the topic: unless that is `known`, there was a record more at least."""
        yield from self._tell(max(self._row.next, self._due + (not known)))

    def _tell(self, offset: int) -> Iterator[CapsuleDamaged]:
        """Tell what is damaged before an offset, if anything is. It may be that no offset is missing for it."""
        wound, self._wound = self._wound, None
        if wound is not None:
            lost, place = (self._due, max(self._due, offset)), (wound.start, wound.stop)
            yield CapsuleDamaged(self._path, self._row.topic, lost, place, str(wound.found))


def _own_sizes(frames: bytes) -> Sequence[int]:
    """Return how long each frame says it is, up to the first whose header does not hold."""
    sizes: list[int] = []
    at = 0
    while at < len(frames):
        nul = frames.find(0, at, at + TOPIC_BYTES_MAX + 1)
        header = header_at(frames, at, frames[at : nul + 1]) if nul > at else None
        if header is None:
            break
        sizes.append(nul + 1 - at + HEADER_SIZE + header.length)
        at += sizes[-1]
    return sizes


def _frame(data: bytes, size: int) -> Frame | str:
    if len(data) < size:
        return "the file ends here"
    try:
        return parse(data)
    except FrameRefused as error:
        return f"a frame does not hold ({error.why})"
