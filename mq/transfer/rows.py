"""A record as a row of a table, and back to the same bytes. Pure.

``encoding`` says how ``body`` is to be read: ``msgpack`` is JSON for one whole msgpack value, only where packing it
again gives the same bytes; ``text`` is UTF-8 as it is; ``base64`` is anything else. ``value`` is the number in a body,
for whoever wants to plot it.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from typing import Any, NamedTuple

import msgpack

from mq.client.message import Message

MSGPACK, TEXT, BASE64 = "msgpack", "text", "base64"
NUMBER_CHARACTERS_MAX = 32
COLUMNS = ("topic", "offset", "time", "produced", "value", "encoding", "body")


class Row(NamedTuple):
    """One record. Times are ns since the Unix epoch."""

    topic: str
    offset: int
    time: int
    produced: int
    value: float | None
    encoding: str
    body: str


class BadBody(ValueError):
    """A body that its encoding cannot be."""


def row_of(message: Message) -> Row:
    """Return a stored record as a row."""
    topic, offset, time, produced, body = message
    found = _unpacked(body)
    text = _json(found, body) if isinstance(found, (dict, list)) else None
    if text is not None:
        value = found.get("value") if isinstance(found, dict) else None
        return Row(topic, offset or 0, time, produced, _number(value), MSGPACK, text)
    plain = _text(body)
    if plain is not None:
        return Row(topic, offset or 0, time, produced, _number_in(plain), TEXT, plain)
    return Row(topic, offset or 0, time, produced, None, BASE64, base64.b64encode(body).decode("ascii"))


def body_of(encoding: str, body: str) -> bytes:
    """Return a row's bytes, or raise `BadBody`."""
    try:
        if encoding == MSGPACK:
            return pack(json.loads(body))
        if encoding == TEXT:
            return body.encode()
        if encoding == BASE64:
            return base64.b64decode(body, validate=True)
    except (ValueError, TypeError, OverflowError, RecursionError, binascii.Error) as error:
        raise BadBody(f"the body is not {encoding}: {error}") from None
    raise BadBody(f"{encoding[:40]!r} is no encoding, only {MSGPACK}, {TEXT}, {BASE64}")


def pack(it: Any) -> bytes:
    """Return the msgpack bytes of what JSON can say."""
    packed: bytes = msgpack.packb(it, use_bin_type=True)
    return packed


def _unpacked(body: bytes) -> Any:
    try:
        return msgpack.unpackb(body)
    except (ValueError, TypeError, RecursionError):
        return None


def _json(it: Any, body: bytes) -> str | None:
    """Return JSON from which the same bytes can be made, None where there is none."""
    try:
        text = json.dumps(it, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return text if pack(json.loads(text)) == body else None
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None


def _text(body: bytes) -> str | None:
    """Return text, but for a NUL in it: that is where readers of CSV stop."""
    try:
        return body.decode("utf-8") if b"\0" not in body else None
    except UnicodeDecodeError:
        return None


def _number(it: Any) -> float | None:
    if isinstance(it, bool) or not isinstance(it, (int, float)):
        return None
    try:
        number = float(it)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _number_in(text: str) -> float | None:
    """Return the number that a text is, as the earlier MiniMQ's producers sent them."""
    if len(text) > NUMBER_CHARACTERS_MAX or not text.isascii():
        return None
    try:
        return _number(float(text))
    except ValueError:
        return None
