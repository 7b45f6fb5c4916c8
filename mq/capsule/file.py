"""A capsule's file, read block by block. What it says is not trusted, and no more than one block is in memory."""

from __future__ import annotations

import os
from collections.abc import Iterator

from google_crc32c import value

from mq.capsule.labels import Label, decode
from mq.capsule.layout import (
    BLOCK_SIZE,
    END_SIZE,
    HEAD_SIZE,
    SIGNATURE,
    VERSION,
    Block,
    End,
    decode_block,
    decode_end,
    decode_head,
    opening_of_blocks,
)
from mq.errors import CapsuleUnusable

WINDOW_BYTES = 1 << 20


class CapsuleFile:
    """Raises `CapsuleUnusable` when it is made, and `OSError` later on."""

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            raise CapsuleUnusable(path, f"cannot be opened: {error.strerror}") from None
        try:
            self.size = os.fstat(self._descriptor).st_size
            self.id, self.head_holds = self._identify()
        except OSError as error:
            self.close()
            raise CapsuleUnusable(path, f"cannot be read: {error.strerror}") from None
        except CapsuleUnusable:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1

    def read(self, at: int, size: int) -> bytes:
        """Return bytes of the file, fewer where it ends."""
        return os.pread(self._descriptor, max(0, min(size, self.size - at)), at)

    def block_at(self, at: int) -> Block | None:
        """Return the block that stands there, None when its header does not hold."""
        found = decode_block(self.read(at, BLOCK_SIZE), self.id, at)
        return found and found[0]

    def label_of(self, block: Block) -> Label | None:
        """Return what a block says of itself, None when its header or its label does not hold."""
        data = self.read(block.at, BLOCK_SIZE + block.label)
        found = decode_block(data, self.id, block.at)
        if found is None or found[0] != block or value(data[BLOCK_SIZE:]) != found[1]:
            return None
        return decode(data[BLOCK_SIZE:])

    def frames_of(self, block: Block) -> bytes:
        """Return the frames of a block, as many bytes of them as there are."""
        return self.read(block.frames_at, block.frames)

    def blocks_from(self, at: int) -> Iterator[Block]:
        """Yield each block that begins at `at` or later, over whatever does not hold between them."""
        while (block := self.block_at(at) or self._next_block(at + 1)) is not None:
            yield block
            at = block.stop

    def end(self) -> End | None:
        """Return what the file's end says, None when it does not hold."""
        return decode_end(self.read(self.size - END_SIZE, END_SIZE)) if self.size >= END_SIZE else None

    def _next_block(self, at: int) -> Block | None:
        needle = opening_of_blocks(self.id)
        while at < self.size:
            piece = self.read(at, WINDOW_BYTES)
            place = piece.find(needle)
            if place >= 0:
                if (block := self.block_at(at + place)) is not None:
                    return block
                at += place + 1
            else:
                at += max(1, len(piece) - len(needle) + 1)
        return None

    def _identify(self) -> tuple[int, bool]:
        """Return the capsule's id, and whether the head told it: the end knows it too."""
        if self.size == 0:
            raise CapsuleUnusable(self.path, "is empty: make it anew with minimq capsule make, or copy it again")
        start = self.read(0, HEAD_SIZE)
        if (head := decode_head(start)) is not None:
            if head.version != VERSION:
                newer = f"is a capsule of version {head.version}, only {VERSION} is known here: use a newer MiniMQ"
                raise CapsuleUnusable(self.path, newer)
            return head.id, True
        if (end := self.end()) is not None:
            return end.id, False
        if start.startswith(SIGNATURE):
            raise CapsuleUnusable(self.path, "has a head that does not hold, and no end: copy it again")
        raise CapsuleUnusable(self.path, "is no capsule: make one with minimq capsule make")
