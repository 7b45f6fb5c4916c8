"""A body as records: one, checked against what it says it is; or a record a line (NDJSON).

NDJSON: https://github.com/ndjson/ndjson-spec. Each line is stored as it stands. Blank ones are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mq.errors import MqError, TooLarge
from mq.gateway.bodies import is_json, text_of, unpacked
from mq.gateway.limits import Limits

NDJSON = ("application/x-ndjson", "application/ndjson", "application/jsonl")
JSON, MSGPACK = "application/json", ("application/msgpack", "application/x-msgpack", "application/vnd.msgpack")
FRAME_RECORDS_MAX, FRAME_BYTES = 1_000, 60 << 10
_SHOWN = 60
_BLANK = " \t\r"


class BadBody(MqError, ValueError):
    """A body that is not what its Content-Type says."""


class TooManyLines(MqError, ValueError):
    """A body of more lines than one may have."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"a body has at most lines_max ({limit:,}) lines: send less at once")


def records_of(body: bytes, media_type: str, limits: Limits) -> list[bytes]:
    """Return the records in a body. Raises `BadBody`, which names the line, `TooLarge` and `TooManyLines`.

    What is too large is not looked into: taken apart, a body can be a hundred times its size.
    """
    if media_type in NDJSON:
        return _lines(body, limits)
    if len(body) > limits.record_bytes_max:
        raise TooLarge(limits.record_bytes_max, len(body))
    if media_type == JSON or media_type.endswith("+json"):
        text = text_of(body)
        if text is None or not is_json(text):
            raise BadBody(f"the body is not JSON, and its Content-Type is {media_type}")
    elif media_type in MSGPACK and unpacked(body) is None:
        raise BadBody(f"the body is not one msgpack map or array, and its Content-Type is {media_type}")
    elif media_type.startswith("text/") and text_of(body) is None:
        raise BadBody(f"the body is not UTF-8, and its Content-Type is {media_type}")
    return [body]


def _lines(body: bytes, limits: Limits) -> list[bytes]:
    if body.count(b"\n") > limits.lines_max:
        raise TooManyLines(limits.lines_max)
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        number = body.count(b"\n", 0, error.start) + 1
        raise BadBody(f"line {number} is not UTF-8: nothing of this is stored") from None
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        if len(line) > limits.record_bytes_max:
            raise TooLarge(limits.record_bytes_max, len(line))
        if not is_json(line) and line.strip(_BLANK):
            raise BadBody(f"line {number} is not JSON: {line[:_SHOWN]!r}; nothing of this is stored")
    records = [line.rstrip("\r").encode() for line in lines if line.strip(_BLANK)]
    if not records:
        raise BadBody("there is no line with a record in it")
    return records


def frames_of(records: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Yield the records by the frame: up to so many, and so many bytes, and at least one."""
    start = size = 0
    for place, record in enumerate(records):
        if place > start and (size + len(record) > FRAME_BYTES or place - start >= FRAME_RECORDS_MAX):
            yield records[start:place]
            start, size = place, 0
        size += len(record)
    yield records[start:]
