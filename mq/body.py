"""The body of a frame: one record's bytes, or a msgpack array of bin, the whole of it compressed or not.

msgpack: https://github.com/msgpack/msgpack/blob/master/spec.md
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgpack

from mq.errors import CodecMissing, FrameRefused

CODEC_NONE = 0
CODEC_ZSTD = 1
BODY_BYTES_MAX = 16 << 20
COMPRESSED_BYTES_MIN = 64
PAYS_FROM = 8  # an eighth less, and it is worth what its readers spend on it
_BIN_BYTES_MIN = 2

Compressor = Callable[[bytes], bytes]


def pack(records: Sequence[bytes]) -> bytes:
    """Return the body of a batch."""
    packed: bytes = msgpack.packb(list(records), use_bin_type=True)
    return packed


def compressor() -> Compressor:
    """Return what makes a zstd frame out of a body, for one thread. Raises `CodecMissing`."""
    try:
        import zstandard  # noqa: PLC0415 - an extra, and heavy for who does not use it
    except ImportError:
        raise CodecMissing from None
    compress: Compressor = zstandard.ZstdCompressor().compress
    return compress


def shrunk(body: bytes, compress: Compressor) -> bytes | None:
    """Return the body compressed, None where that does not pay: it is short, or becomes less than an eighth smaller."""
    if len(body) < COMPRESSED_BYTES_MIN:
        return None
    smaller = compress(body)
    return smaller if len(smaller) <= len(body) - len(body) // PAYS_FROM else None


def unpack(body: bytes, count: int, *, batch: bool, codec: int, limit: int = BODY_BYTES_MAX) -> list[bytes]:
    """Return the `count` records in a body, or raise `FrameRefused` when it does not hold exactly those.

    `limit` bounds what a compressed body may grow to, in bytes.
    """
    plain = body if codec == CODEC_NONE else _decompress(body, limit)
    records = _records(plain) if batch else [plain]
    if len(records) != count:
        raise FrameRefused("bad_count", f"the header says {count} records, the body holds {len(records)}")
    return records


def _records(plain: bytes) -> list[bytes]:
    """Return what a msgpack array of bin holds. What it announces is held against the bytes that are there."""
    room, most = len(plain) // _BIN_BYTES_MIN, len(plain)
    try:
        records = msgpack.unpackb(
            plain, max_array_len=room, max_bin_len=most, max_str_len=0, max_map_len=0, max_ext_len=0
        )
    except ValueError as error:
        raise FrameRefused("bad_batch", f"the body is not one msgpack array of bin: {error}") from None
    if type(records) is not list or not set(map(type, records)) <= {bytes}:
        raise FrameRefused("bad_batch", "the body is not one msgpack array of nothing but bin")
    return records


def _decompress(body: bytes, limit: int) -> bytes:
    try:
        import zstandard  # noqa: PLC0415 - an extra, and heavy for who does not use it
    except ImportError:
        raise CodecMissing from None
    try:
        size = zstandard.frame_content_size(body)
        if size < 1:  # of an empty one the library reads no further, so whatever follows would pass
            raise FrameRefused("bad_codec", "the zstd body does not carry its content size, or is empty")
        if size > limit:
            raise FrameRefused("too_large", f"the body decompresses to {size} bytes, the limit is {limit}")
        plain: bytes = zstandard.ZstdDecompressor().decompress(body, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise FrameRefused("bad_codec", f"the body is not zstd: {error}") from None
    return plain
