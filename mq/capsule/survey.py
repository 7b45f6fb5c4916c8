"""What is in a capsule, and where: from its index, or, where that does not hold, from the blocks one after another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from mq.capsule.file import CapsuleFile
from mq.capsule.labels import About, Index, Row
from mq.capsule.layout import BLOCK_MAGIC, BLOCK_SIZE, END_SIZE, HEAD_SIZE, Block, decode_end
from mq.errors import CapsuleUnusable
from mq.topic import TOPIC_BYTES_MAX, is_topic


class Wound(NamedTuple):
    """Bytes `start` to `stop` - 1 that do not hold, and why. `torn`: the file ends before its end."""

    start: int
    stop: int
    why: str
    torn: bool = False


@dataclass(slots=True)
class Survey:
    """The contents. `wounds` are what was noticed on the way; `index` is where the index is, if it led there."""

    about: About | None
    rows: list[Row]
    wounds: list[Wound] = field(default_factory=list)
    index: Block | None = None


def survey(file: CapsuleFile) -> Survey:
    """Look at the index, or for what there is. Raises `CapsuleUnusable` when there is nothing at all."""
    wounds = [] if file.head_holds else [Wound(0, HEAD_SIZE, "the head does not hold")]
    end = file.end()
    block = file.block_at(end.index_at) if end is not None and end.id == file.id else None
    index = file.label_of(block) if block is not None and block.stop == file.size - END_SIZE else None
    if isinstance(index, Index):
        return Survey(index.about, index.rows, wounds, block)
    walk = _Walk(file, wounds)
    if walk.about is None and not walk.rows:
        raise CapsuleUnusable(file.path, "was cut off before its first record: copy it again")
    return Survey(walk.about, list(walk.rows.values()), wounds)


class _Walk:
    """Goes over the blocks without an index."""

    def __init__(self, file: CapsuleFile, wounds: list[Wound]) -> None:
        self.about: About | None = None
        self.rows: dict[str, Row] = {}
        self._file, self._wounds = file, wounds
        at = HEAD_SIZE
        for block in file.blocks_from(HEAD_SIZE):
            self._wounded(at, block.at, "no block begins here")
            self._take(block)
            at = block.stop
        self._end(at)

    def _take(self, block: Block) -> None:
        label = self._file.label_of(block)
        if isinstance(label, Index):
            self.about = label.about
        elif isinstance(label, About):
            self.about = label
        elif (topic := label.topic if label is not None else self._topic_in(block)) is not None:
            self.rows.setdefault(topic, Row(topic)).add(block, label)
        if label is None:
            self._wounded(block.at, min(block.frames_at, self._file.size), "the label of a block does not hold")

    def _topic_in(self, block: Block) -> str | None:
        """Return the topic of a block that does not say it, from its first frame."""
        name, nul, _ = self._file.read(block.frames_at, min(TOPIC_BYTES_MAX + 1, block.frames)).partition(b"\0")
        return name.decode("ascii") if nul and is_topic(name) else None

    def _end(self, at: int) -> None:
        """Say what is wrong behind the last block: it may be the reason for all this."""
        size = self._file.size
        if at > size:
            why = f"the file ends within a block: {at - size:,} bytes of it are not there"
            self._wounds.append(Wound(size, at, why, torn=True))
            return
        rest = self._file.read(at, BLOCK_SIZE)
        if decode_end(rest[:END_SIZE]) is not None:
            self._wounded(at + END_SIZE, size, "this is no part of the capsule: it stands behind its end")
        elif len(rest) < END_SIZE or (len(rest) < BLOCK_SIZE and rest.startswith(BLOCK_MAGIC)):
            self._wounds.append(Wound(size, at + END_SIZE, "the file ends before its own end", torn=True))
        else:
            self._wounded(at, size, "neither a block begins here nor the end")

    def _wounded(self, start: int, stop: int, why: str) -> None:
        if start < stop:
            self._wounds.append(Wound(start, stop, why))
