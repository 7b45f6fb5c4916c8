"""Writing a capsule, from its beginning to its end: frames in, blocks out. What writes is an argument."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from mq.capsule.labels import About, Frames, Index, Label, Lost, Row, encode
from mq.capsule.layout import (
    HEAD_SIZE,
    PART_BYTES_MAX,
    VERSION,
    Block,
    End,
    Head,
    encode_block,
    encode_end,
    encode_head,
)
from mq.errors import MqError
from mq.frame import Frame

BLOCK_BYTES = 256 << 10
"""Frames are gathered up to this before they are written: a block holds at most so much and one frame."""
TOPICS_MAX = 100_000


class CapsuleWriter:
    """Takes topics one after another, each from its first frame to its last; `finish` ends it.

    `lost` is what was noted as not there. `identity` is drawn at random, so that nobody who wrote a record could know
    it; a test may say it. All raise what `write` does.
    """

    def __init__(
        self,
        write: Callable[[bytes], object],
        about: About,
        identity: int | None = None,
        block_bytes: int = BLOCK_BYTES,
    ) -> None:
        self._write_out, self._about, self._block_bytes = write, about, block_bytes
        self._id = secrets.randbits(64) if identity is None else identity
        self._at = HEAD_SIZE
        self.lost: list[Lost] = []
        self._rows: list[Row] = []
        self._frames: list[Frame] = []
        self._sizes: list[int] = []
        self._parts: list[bytes] = []
        self._waiting = 0
        write(encode_head(Head(VERSION, self._id)))
        self._write(about)

    def begin(self, topic: str) -> None:
        """Begin a topic, which has not been there yet."""
        self._flush()
        if len(self._rows) == TOPICS_MAX:
            raise MqError(f"a capsule holds {TOPICS_MAX:,} topics at most: choose fewer by narrower patterns")
        self._rows.append(Row(topic))

    def take(self, frame: Frame) -> None:
        """Take the next frame of the topic that was begun last."""
        whole = frame.encoded()
        self._frames = [*self._frames[:1], frame]
        self._sizes.append(len(whole))
        self._parts.append(whole)
        self._waiting += len(whole)
        if self._waiting >= self._block_bytes:
            self._flush()

    def lose(self, first: int, next: int, why: str) -> None:  # noqa: A002 - the field's own word
        """Note offsets of that topic that are not there."""
        self._flush()
        label = Lost(self._rows[-1].topic, first, next, why)
        self._rows[-1].add(self._write(label), label)
        self.lost.append(label)

    def finish(self) -> list[Row]:
        """Write the index and the end; return the rows of the index."""
        self._flush()
        index = self._write(Index(self._about, self._rows))
        self._write_out(encode_end(End(index.at, self._id)))
        return self._rows

    def _flush(self) -> None:
        if not self._parts:
            return
        first, last = self._frames[0].header, self._frames[-1].header
        topic = self._rows[-1].topic
        label = Frames(topic, first.offset, last.next_offset, first.appended, last.appended, self._sizes)
        self._rows[-1].add(self._write(label, b"".join(self._parts)), label)
        self._frames, self._sizes, self._parts, self._waiting = [], [], [], 0

    def _write(self, label: Label, frames: bytes = b"") -> Block:
        packed = encode(label)
        if max(len(packed), len(frames)) > PART_BYTES_MAX:
            raise MqError(
                f"this capsule would need more than {PART_BYTES_MAX:,} bytes for one part: choose a shorter range"
            )
        block = Block(self._at, len(packed), len(frames))
        self._write_out(encode_block(self._id, block, packed))
        self._write_out(frames)
        self._at = block.stop
        return block
