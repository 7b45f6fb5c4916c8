r"""The frame: the one format, on the wire, in the journal and in a replay.

::

    topic  NUL  header (64 bytes, little-endian, unsigned)  body

    header, by byte   0        2         3       4       8          16         24
                      +--------+---------+-------+-------+----------+----------+----------+
                      | magic  | version | flags | count | producer | sequence | produced |
                      +--------+---------+-------+-------+----------+----------+----------+
                      32       36     40       48         56      60         64
                      +--------+------+--------+----------+-------+----------+
                      | length | crc  | offset | appended | epoch | head_crc |
                      +--------+------+--------+----------+-------+----------+
                               producer's | the broker's, zero until then

`crc` is the CRC-32C (RFC 3720, section 12.1) of topic, NUL, the 36 header bytes before it and the body; `head_crc` that
of topic, NUL and the 60 header bytes before it. ``docs/wire.md`` has the whole of it.

A producer calls `encode`; the broker `check`, then `stamp`; whoever receives or reads, `parse`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import IntEnum
from struct import Struct
from typing import Final, NamedTuple

from google_crc32c import extend, value

from mq import body as bodies
from mq.errors import FrameRefused, TooLarge
from mq.topic import TOPIC_BYTES_MAX, encode_topic, is_open, is_topic

MAGIC = b"MQ"
VERSION = 1
HEADER_SIZE = 64
_FLAGS_AT, _LENGTH_AT, _CRC_AT = 3, 32, 36
UNSTORED = 2**64 - 1
FRAME_BYTES_MAX = 1 << 20

FLAG_BATCH = 0b1
CODEC_SHIFT, CODEC_MASK = 1, 0b110
ACK_SHIFT, ACK_MASK = 3, 0b11000

_HEADER = Struct("<2sBBIQQQIIQQII")
_PRODUCED = Struct("<2sBBIQQQI")
_COUNT = Struct("<4xI")
_KEY = Struct("<8xQQ")
# Topic and header by the topic's length: one call takes out all that `check` looks at.
_CHECKED = tuple(Struct(f"<{length}sx3sBIQQ8xII24x") for length in range(TOPIC_BYTES_MAX + 1))
_STAMP = Struct("<IQQI")
_CRC = _LENGTH = Struct("<I")
_OPENING = MAGIC + bytes([VERSION])
_BLANK_STAMP = bytes(24)
_KNOWN_FLAGS = FLAG_BATCH | CODEC_MASK | ACK_MASK
_ACKS = frozenset({0, 1, 2})
_PLAIN = frozenset(ack << ACK_SHIFT for ack in _ACKS)
_CODECS = frozenset({bodies.CODEC_NONE, bodies.CODEC_ZSTD})

# What `check` found, for `stamp` and for grouping: topic, count, flags, the CRC of the prefix, the producer's crc, the
# prefix (topic, NUL and 36 header bytes), the body, producer, sequence. A plain tuple: names would cost a tenth of the
# broker's speed.
Checked = tuple[bytes, int, int, int, int, bytes, bytes, int, int]
CRC: Final = 4
BODY: Final = 6
PRODUCER: Final = 7
SEQUENCE: Final = 8


class Wanted(IntEnum):
    """The acknowledgement that a frame asks for."""

    NONE = 0
    WRITTEN = 1
    DURABLE = 2


class Header(NamedTuple):
    """The 64 bytes, as numbers. `produced` and `appended` are ns since the Unix epoch."""

    magic: bytes
    version: int
    flags: int
    count: int  # type: ignore[assignment]  # the format's word; nobody counts occurrences in a header
    producer: int
    sequence: int
    produced: int
    length: int
    crc: int
    offset: int
    appended: int
    epoch: int
    head_crc: int

    @property
    def next_offset(self) -> int:
        """The offset after the last record of this frame."""
        return self.offset + self.count

    @property
    def wanted(self) -> Wanted:
        """The acknowledgement that the producer asked for."""
        return Wanted((self.flags & ACK_MASK) >> ACK_SHIFT)


class Content(NamedTuple):
    """What a producer's frame carries, before it has a place among that producer's frames."""

    name: bytes
    records: int
    batch: bool
    body: bytes
    codec: int = bodies.CODEC_NONE

    @property
    def size(self) -> int:
        """Bytes in the frame that carries it."""
        return len(self.name) + 1 + HEADER_SIZE + len(self.body)


class Frame(NamedTuple):
    """A stamped frame taken apart."""

    topic: str
    header: Header
    body: bytes

    def encode(self) -> bytes:
        """Return the bytes that it was taken from."""
        return self.topic.encode("ascii") + b"\0" + _HEADER.pack(*self.header) + self.body

    def records(self) -> list[bytes]:
        """Return the records in the body, or raise `FrameRefused` when the body does not hold them."""
        header = self.header
        batch, codec = body_kind(header.flags)
        return bodies.unpack(self.body, header.count, batch=batch, codec=codec)

    def encoded(self) -> bytes:
        """Return the bytes that it was taken apart from."""
        return b"".join((self.topic.encode("ascii"), b"\0", _HEADER.pack(*self.header), self.body))


def encode(
    topic: str,
    records: Sequence[bytes],
    *,
    produced: int,
    producer: int = 0,
    sequence: int = 0,
    batch: bool | None = None,
    wanted: Wanted = Wanted.NONE,
    limit: int = FRAME_BYTES_MAX,
) -> bytes:
    """Return the frame that a producer sends: one record as it is, several (or `batch`) as a msgpack array.

    Raises `BadTopic`, and `TooLarge` when the frame would be over `limit` bytes.
    """
    content = pack(topic, records, batch=batch, limit=limit)
    return seal(content, produced=produced, producer=producer, sequence=sequence, wanted=wanted)


def pack(
    topic: str,
    records: Sequence[bytes],
    *,
    batch: bool | None = None,
    compress: bodies.Compressor | None = None,
    limit: int = FRAME_BYTES_MAX,
) -> Content:
    """Return what a frame will carry, compressed where there is a `compress` and it pays.

    Raises `BadTopic`, `TooLarge`, and `TypeError` for what is not bytes.
    """
    as_batch = len(records) != 1 if batch is None else batch
    if not records or (not as_batch and len(records) != 1):
        raise ValueError("a frame holds at least one record, and without the batch flag exactly one")
    refuse_other_than_bytes(records)
    name = encode_topic(topic)
    body = bodies.pack(records) if as_batch else records[0]
    content = Content(name, len(records), as_batch, body)
    if compress is not None:
        content = _compressed(content, compress)
    if content.size > limit:
        raise TooLarge(limit, content.size)
    return content


def refuse_other_than_bytes(records: Sequence[bytes]) -> None:
    """Raise `TypeError` for a record that is not bytes."""
    if set(map(type, records)) == {bytes}:
        return
    for record in records:
        if not isinstance(record, bytes):
            raise TypeError(f"a record is bytes, not {type(record).__name__}: encode it first")


def seal(content: Content, *, produced: int, producer: int, sequence: int, wanted: Wanted) -> bytes:
    """Return the frame that carries this content."""
    prefix = _prefix(content, produced, producer, sequence, wanted)
    return prefix + _CRC.pack(extend(value(prefix), content.body)) + _BLANK_STAMP + content.body


def own(content: Content, *, produced: int, wanted: Wanted = Wanted.NONE) -> Checked:
    """Return, as `check` would, the anonymous frame that carries this content: for who makes frames and stamps them."""
    prefix = _prefix(content, produced, 0, 0, wanted)
    partial = value(prefix)
    flags = prefix[len(content.name) + 1 + _FLAGS_AT]
    crc = extend(partial, content.body)
    return content.name, content.records, flags, partial, crc, prefix, content.body, 0, 0


def check(frame: bytes, limit: int = FRAME_BYTES_MAX) -> Checked:
    """Check all that a producer wrote, or raise `FrameRefused`.

    It is called for every frame that arrives, so it takes each slice once and leaves what is rare to others.
    """
    if len(frame) > limit:
        raise FrameRefused("too_large", f"{len(frame)} bytes, the limit is {limit}")
    nul = frame.find(0)
    body_at = nul + 1 + HEADER_SIZE
    if nul < 1 or len(frame) < body_at:
        raise FrameRefused("not_a_frame", f"{len(frame)} bytes without a topic, a NUL and a header")
    if nul > TOPIC_BYTES_MAX:
        raise _wrong_topic(frame[:nul])
    topic, opening, flags, count, producer, sequence, length, crc = _CHECKED[nul].unpack_from(frame)
    if opening != _OPENING:
        raise _wrong_opening(opening)
    prefix, body = frame[: nul + 1 + _CRC_AT], frame[body_at:]
    partial = value(prefix)
    if length != len(body):
        raise FrameRefused("bad_length", f"the header says {length} bytes of body, there are {len(body)}")
    if extend(partial, body) != crc:
        raise FrameRefused("bad_checksum", "the checksum is not that of these bytes")
    if not is_open(topic):
        raise _wrong_topic(topic)
    if flags not in _PLAIN or count != 1:
        _check_body(flags, count, body)
    return topic, count, flags, partial, crc, prefix, body, producer, sequence


def stamp(frame: Checked, offset: int, appended: int, epoch: int) -> bytes:
    """Return the frame with the broker's 24 bytes filled in, and nothing else changed."""
    _, _, _, partial, crc, prefix, body, _, _ = frame
    rest = _STAMP.pack(crc, offset, appended, epoch)
    return prefix + rest + _CRC.pack(extend(partial, rest)) + body


def stamp_unstored(frame: Checked, now: int) -> bytes:
    """Return the frame as it goes out when the journal could not take it: live, with no offset."""
    return stamp(frame, UNSTORED, now, 0)


def parse(frame: bytes) -> Frame:
    """Take a stamped frame apart and check both its checksums, or raise `FrameRefused`."""
    nul = frame.find(0)
    if nul < 1 or len(frame) < nul + 1 + HEADER_SIZE:
        raise FrameRefused("not_a_frame", f"{len(frame)} bytes without a topic, a NUL and a header")
    header = header_at(frame, 0, frame[: nul + 1])
    if header is None:
        raise FrameRefused("bad_checksum", "the header is damaged")
    body = frame[nul + 1 + HEADER_SIZE :]
    if header.length != len(body) or not body_holds(frame[: nul + 1 + _CRC_AT], header, body):
        raise FrameRefused("bad_checksum", "the body is damaged")
    return Frame(frame[:nul].decode("ascii", "replace"), header, body)


def split(frames: bytes) -> Iterator[Frame]:
    """Take stamped frames that stand one after another apart, or raise `FrameRefused` at the first that is damaged."""
    at = 0
    while at < len(frames):
        nul = frames.find(0, at, at + TOPIC_BYTES_MAX + 1)
        body_at = nul + 1 + HEADER_SIZE
        if nul < 0 or body_at > len(frames):
            raise FrameRefused("not_a_frame", f"no frame begins at byte {at} of {len(frames)}")
        stop = body_at + _LENGTH.unpack_from(frames, nul + 1 + _LENGTH_AT)[0]
        yield parse(frames[at:stop])
        at = stop


def header_at(buffer: bytes, at: int, name: bytes) -> Header | None:
    """Return the header of a stamped frame of topic `name` (with its NUL) that starts at `at`, None if there is none.

    The header's own checksum vouches for it; the body has not been looked at.
    """
    start = at + len(name)
    if len(buffer) < start + HEADER_SIZE or not buffer.startswith(name, at):
        return None
    header = Header._make(_HEADER.unpack_from(buffer, start))
    if header.magic != MAGIC or value(buffer[at : start + HEADER_SIZE - 4]) != header.head_crc:
        return None
    return header if header.version == VERSION else None


def body_holds(prefix: bytes, header: Header, body: bytes) -> bool:
    """Whether `crc` fits `prefix` (topic, NUL and 36 header bytes) and the body."""
    return bool(extend(value(prefix), body) == header.crc)


def ack_key(frame: Checked) -> tuple[str, int, int]:
    """Return what an acknowledgement is keyed by: topic, producer, sequence."""
    return frame[0].decode("ascii"), frame[PRODUCER], frame[SEQUENCE]


def claimed_key(frame: bytes) -> tuple[str, int, int] | None:
    """Return the same of a frame that did not pass, if it says so much at all: whoever sent it is told by it."""
    nul = frame.find(0, 0, TOPIC_BYTES_MAX + 1)
    if nul < 1 or len(frame) < nul + 1 + HEADER_SIZE or not is_topic(frame[:nul]):
        return None
    producer, sequence = _KEY.unpack_from(frame, nul + 1)
    return frame[:nul].decode("ascii"), producer, sequence


def claimed_count(frame: bytes) -> int:
    """Return how many records a frame says it has, before it is checked; 1 where it does not say."""
    nul = frame.find(0, 0, TOPIC_BYTES_MAX + 1)
    if nul < 1 or len(frame) < nul + 1 + HEADER_SIZE:
        return 1
    count: int = _COUNT.unpack_from(frame, nul + 1)[0]
    return max(1, count)


def wanted(frame: Checked) -> Wanted:
    """Return the acknowledgement that a checked frame asks for."""
    return Wanted((frame[2] & ACK_MASK) >> ACK_SHIFT)


def _prefix(content: Content, produced: int, producer: int, sequence: int, wanted: Wanted) -> bytes:
    """Return topic, NUL and the header up to the checksum."""
    name, count, batch, body, codec = content
    flags = batch | codec << CODEC_SHIFT | wanted << ACK_SHIFT
    header = _PRODUCED.pack(MAGIC, VERSION, flags, count, producer, sequence, produced, len(body))
    return name + b"\0" + header


def _compressed(content: Content, compress: bodies.Compressor) -> Content:
    """Return the content with its body compressed, or as it is. What readers would refuse to unpack is too large."""
    if len(content.body) > bodies.BODY_BYTES_MAX:
        raise TooLarge(bodies.BODY_BYTES_MAX, len(content.body))
    smaller = bodies.shrunk(content.body, compress)
    return content if smaller is None else content._replace(body=smaller, codec=bodies.CODEC_ZSTD)


def _check_body(flags: int, count: int, body: bytes) -> None:
    if flags & ~_KNOWN_FLAGS:
        raise FrameRefused("bad_flags", f"flags {flags:#04x} have bits that mean nothing")
    if (flags & ACK_MASK) >> ACK_SHIFT not in _ACKS:
        raise FrameRefused("bad_flags", f"flags {flags:#04x} ask for an acknowledgement that does not exist")
    batch, codec = body_kind(flags)
    if codec not in _CODECS:
        raise FrameRefused("bad_flags", f"flags {flags:#04x} name a codec that does not exist")
    if count < 1 or (count != 1 and not batch):
        raise FrameRefused("bad_count", f"{count} records, batch flag {batch}")
    bodies.unpack(body, count, batch=batch, codec=codec)


def body_kind(flags: int) -> tuple[bool, int]:
    """Return whether the body is a batch, and its codec."""
    return bool(flags & FLAG_BATCH), (flags & CODEC_MASK) >> CODEC_SHIFT


def _wrong_opening(opening: bytes) -> FrameRefused:
    if opening[:2] != MAGIC:
        return FrameRefused("bad_magic", "no 'MQ' after the topic's NUL")
    return FrameRefused("bad_version", f"version {opening[2]} of the frame, only {VERSION} is known")


def _wrong_topic(topic: bytes) -> FrameRefused:
    if is_topic(topic):
        return FrameRefused("reserved_topic", "what is below _mq is the broker's own")
    return FrameRefused("bad_topic", f"{topic[:64]!r} is outside the grammar of topics")
