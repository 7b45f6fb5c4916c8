"""Records as JSON shows them: what is JSON as it is, a msgpack map or array as JSON, all else as base64."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable
from json.scanner import make_scanner
from typing import Any, NamedTuple

import msgpack

from mq.client.message import Message

DEPTH_MAX = 100
FIRST_OF_CONTAINERS = 0x80
_CONTAINERS = (dict, list)


class Shown(NamedTuple):
    """A body as JSON text of one line, or its base64."""

    text: str
    is_json: bool


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


_reading: Any = json.JSONDecoder(parse_constant=_refuse)
_scan: Callable[[str, int], tuple[Any, int]] = make_scanner(_reading)
_BLANK = " \t\n\r"


def is_json(text: str) -> bool:
    """Whether this is one JSON value, by RFC 8259: no NaN, nothing after it."""
    try:
        _, end = _scan(text, 0)
    except (StopIteration, ValueError, RecursionError):
        stripped = text.lstrip(_BLANK)
        return stripped != text and is_json(stripped)
    return end == len(text) or not text[end:].strip(_BLANK)


def unpacked(body: bytes) -> Any:
    """Return the msgpack map or array that a body is, None where it is neither."""
    if not body or body[0] < FIRST_OF_CONTAINERS:  # so short text is not even tried
        return None
    try:
        found = msgpack.unpackb(body, strict_map_key=False)
    except (ValueError, TypeError, RecursionError, OverflowError):
        return None
    return found if isinstance(found, _CONTAINERS) else None


def text_of(body: bytes) -> str | None:
    """Return the text that a body is, None where it is not UTF-8."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def json_of(body: bytes) -> Shown:
    """Return a body as JSON, as it was written where it is JSON already; base64 where there is none for it."""
    text = text_of(body)
    if text is not None and is_json(text):
        one_line = text.replace("\n", " ").replace("\r", " ")  # between values only: in a string they are escaped
        return Shown(one_line, True)
    found = unpacked(body)
    if found is not None:
        try:
            return Shown(json.dumps(_plain(found, DEPTH_MAX), ensure_ascii=True, separators=(",", ":")), True)
        except (ValueError, RecursionError):
            pass
    return Shown(base64.b64encode(body).decode("ascii"), False)


def record_json(message: Message) -> str:
    """Return a record as one line of JSON: `body`, or `base64`, and `text` where that is what it is."""
    topic, offset, time, produced, body = message
    shown = json_of(body)
    head = f'{{"topic":"{topic}","offset":{"null" if offset is None else offset},"time":{time},"produced":{produced}'
    if shown.is_json:
        return f'{head},"body":{shown.text}}}'
    text = text_of(body)
    beside = "" if text is None else f',"text":{json.dumps(text)}'
    return f'{head},"base64":"{shown.text}"{beside}}}'


def _plain(it: Any, depth: int) -> Any:
    if depth == 0:
        raise ValueError("nested too deep to be shown")
    if isinstance(it, dict):
        return {key if isinstance(key, str) else _key(key): _plain(inner, depth - 1) for key, inner in it.items()}
    if isinstance(it, (list, tuple)):
        return [_plain(inner, depth - 1) for inner in it]
    if isinstance(it, bytes):
        return {"base64": base64.b64encode(it).decode("ascii")}
    if isinstance(it, float) and not math.isfinite(it):
        return None
    return it if it is None or isinstance(it, (str, int, float, bool)) else str(it)


def _key(key: Any) -> str:
    return key.decode("utf-8", "backslashreplace") if isinstance(key, bytes) else str(key)
