"""How records become the content of a frame, and how many bytes of them one may gather."""

from __future__ import annotations

from collections.abc import Sequence

from mq.body import BODY_BYTES_MAX, compressor
from mq.client.batch import BATCH_BYTES_MAX, Batch
from mq.errors import TooLarge
from mq.frame import HEADER_SIZE, Content, pack
from mq.topic import TOPIC_BYTES_MAX

_HEAD_BYTES_MAX = TOPIC_BYTES_MAX + 1 + HEADER_SIZE + 5  # the last is the opening of msgpack's array


class Packing:
    """What the broker takes (until it has said so, all that any might), and whether bodies are compressed.

    Raises `CodecMissing` when they are to be, and cannot.
    """

    def __init__(self, *, compress: bool) -> None:
        self._compresses = compress
        self._compress = compressor() if compress else None
        self.learn(BODY_BYTES_MAX)

    def learn(self, limit: int) -> None:
        """Keep to the broker's limit from now on."""
        self._limit = limit
        self.room = min(BATCH_BYTES_MAX, limit - _HEAD_BYTES_MAX)

    def pack_large(self, topic: str, bodies: Sequence[bytes]) -> Content:
        """Return what one frame will carry; for any thread. Raises `BadTopic` and `TooLarge`."""
        compress = compressor() if self._compresses else None
        return pack(topic, bodies, compress=compress, limit=self._limit)

    def pack(self, batch: Batch) -> Content:
        """Return what the batch's frame will carry; for the producer's thread. Raises `TooLarge`."""
        if batch.content is None:
            return pack(batch.topic, batch.records, compress=self._compress, limit=self._limit)
        if batch.content.size > self._limit:
            raise TooLarge(self._limit, batch.content.size)
        return batch.content
