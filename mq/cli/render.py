"""How records look: a line for people, a JSON object for programs."""

from __future__ import annotations

import base64
import json
import math
from datetime import datetime
from typing import Any

import msgpack

from mq.client.message import Message
from mq.errors import Gap

SECOND_NS = 1_000_000_000
_CONTAINERS = (dict, list)


def readable(body: bytes) -> Any:
    """Return a body as JSON can show it: one whole msgpack map or array, else UTF-8 text, else ``{"base64": …}``."""
    try:
        found = msgpack.unpackb(body, strict_map_key=False)
        if isinstance(found, _CONTAINERS):
            return _plain(found)
    except (ValueError, TypeError, RecursionError):
        found = None
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode("ascii")}


def record_json(message: Message) -> str:
    """Return a record as one line of JSON."""
    topic, offset, time, produced, body = message
    return json_line({"topic": topic, "offset": offset, "time": time, "produced": produced, "body": readable(body)})


def gap_json(gap: Gap) -> str:
    """Return a gap as one line of JSON: an object with `gap` and no `body`."""
    return json_line({"topic": gap.topic, "gap": [gap.first, gap.next - 1]})


def record_line(message: Message) -> str:
    """Return a record as a line for a person: when, topic, offset, body."""
    body = readable(message.body)
    text = printable(body) if isinstance(body, str) else json_line(body)
    offset = "unstored" if message.offset is None else str(message.offset)
    return f"{clock(message.time)}  {message.topic}  {offset}  {text}"


def clock(time: int) -> str:
    """Return a time in ns as local time, to the millisecond; a time that no calendar has, as its number."""
    try:
        return datetime.fromtimestamp(time / SECOND_NS).isoformat(" ", "milliseconds")
    except (ValueError, OverflowError, OSError):
        return f"{time} ns"


def printable(text: str) -> str:
    """Return text with control characters escaped: a record must not drive somebody's terminal."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def _plain(it: Any) -> Any:
    if isinstance(it, dict):
        return {key if isinstance(key, str) else str(_plain(key)): _plain(inner) for key, inner in it.items()}
    if isinstance(it, (list, tuple)):
        return [_plain(inner) for inner in it]
    if isinstance(it, bytes):
        return {"base64": base64.b64encode(it).decode("ascii")}
    if isinstance(it, float) and not math.isfinite(it):
        return None
    if it is None or isinstance(it, (str, int, float, bool)):
        return it
    return str(it)


def json_line(it: Any) -> str:
    """Return JSON that is safe to print: what is not printable stands in strings only, and is escaped as JSON does."""
    text = json.dumps(it, ensure_ascii=False, separators=(", ", ": "))
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else json.dumps(each)[1:-1] for each in text)
