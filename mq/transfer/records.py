"""What a row becomes: a record as it was exported or as ``minimq tail --json`` shows it, or a map of its columns. Pure.

Of any other table one column is the time; each row becomes one msgpack map of the columns, with the time as ``time`` in
ns, as samples have it. What looks like a number in CSV is one; an empty field is left out.
"""

from __future__ import annotations

import base64
import json
import re
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from mq.client.points import parse_time
from mq.client.replay import LATEST_NS, nanoseconds
from mq.errors import BadPoint
from mq.transfer.readers import Fields, Nanoseconds
from mq.transfer.rows import MSGPACK, BadBody, body_of, pack

TIME_COLUMNS = ("time", "timestamp", "datetime", "date", "ts", "t", "_time", "@timestamp")
NO_TIME = -1
SECONDS_MAX, MILLIS_MAX, MICROS_MAX = 10**11, 10**14, 10**17
"""A number that is a time is in seconds below the first, and so on: the year 5138, from 1973 on, from 1973 on."""
_ISO_NS = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)\.(\d{7,9})(Z|[+-]\d\d:?\d\d)?", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d{1,18}", re.ASCII)


class Record(NamedTuple):
    """What is to be published."""

    topic: str
    produced: int | None
    body: bytes


class BadFields(ValueError):
    """Fields of which no record can be made."""


def record_of(fields: Fields, topic: str | None, time_column: str | None) -> Record:
    """Return what a row becomes, or raise `BadFields`. `topic` and `time_column` are what was said beside the file."""
    if topic is None and not isinstance(fields.get("topic"), str):
        raise BadFields("there is no column 'topic': say where to with --topic")
    name = topic or fields["topic"]
    try:
        if "body" in fields and "topic" in fields and time_column is None:
            return Record(name, _produced(fields), _body(fields))
        return _made(fields, name, time_column)
    except BadBody as error:
        raise BadFields(str(error)) from None


def _produced(fields: Fields) -> int | None:
    """Return when a record was made: as an export or ``--json`` has it in ns, or as people write it."""
    it = fields.get("produced")
    if isinstance(it, int) and not isinstance(it, bool) and 0 <= it <= LATEST_NS:
        return int(it)
    return None if it is None or it == "" else moment("produced", it)


def _body(fields: Fields) -> bytes:
    body, encoding = fields["body"], fields.get("encoding")
    if encoding == MSGPACK and not isinstance(body, str):
        return pack(body)
    if encoding is not None:
        return body_of(str(encoding), body if isinstance(body, str) else json.dumps(body))
    if isinstance(body, dict) and body.keys() == {"base64"}:
        return body_of("base64", str(body["base64"]))
    if isinstance(body, bytes):
        return body
    return body.encode("utf-8", "surrogatepass") if isinstance(body, str) else pack(body)


def _made(fields: Fields, topic: str, time_column: str | None) -> Record:
    column = time_column or next((name for name in fields if name.lower() in TIME_COLUMNS), None)
    if column is None or column not in fields:
        known = ", ".join(fields)
        raise BadFields(f"which column is the time? say it with --time, one of: {known}")
    produced = moment(column, fields[column])
    rest = {name: _value(it) for name, it in fields.items() if name not in (column, "topic")}
    try:
        return Record(topic, produced, pack({"time": produced, **{k: it for k, it in rest.items() if it is not None}}))
    except (ValueError, TypeError, OverflowError) as error:
        raise BadFields(f"this cannot be packed: {error}") from None


def _value(it: Any) -> Any:
    if isinstance(it, bytes):
        return base64.b64encode(it).decode("ascii")
    if isinstance(it, str):
        return _read(it)
    return it if it is None or isinstance(it, (int, float, bool, dict, list)) else str(it)


def _read(text: str) -> Any:
    """Return what a field of a CSV says."""
    plain = text.strip()
    if plain.lower() in ("true", "false"):
        return plain.lower() == "true"
    if _WHOLE.fullmatch(plain) and not re.match(r"[+-]?0\d", plain):
        return int(plain)
    return float(plain) if _NUMBER.fullmatch(plain) and not re.match(r"[+-]?0\d", plain) else text or None


def moment(column: str, it: Any) -> int:
    """Return a time in ns: a number since 1970 in the unit that its size says, or text in any form people write."""
    if isinstance(it, Nanoseconds):
        found = int(it)
    elif isinstance(it, (int, float)) and not isinstance(it, bool):
        found = _since_1970(it)
    else:
        found = _written(column, str(it).strip())
    if not 0 <= found <= LATEST_NS:
        raise BadFields(f"column {column!r}: {str(it)[:40]!r} is not a time between 1970 and 2554")
    return found


def _written(column: str, text: str) -> int:
    if _NUMBER.fullmatch(text):
        return _since_1970(int(text) if _WHOLE.fullmatch(text) else float(text))
    if exact := _ISO_NS.fullmatch(text):
        return _exact(column, exact)
    try:
        read = parse_time(text)
    except BadPoint as error:
        raise BadFields(f"column {column!r}: {error}") from None
    if isinstance(read, timedelta):
        raise BadFields(f"column {column!r}: {text!r} is another time whenever it is read")
    return nanoseconds(read)


def _exact(column: str, found: re.Match[str]) -> int:
    """Return a time of ISO 8601 with more digits than `datetime` has."""
    try:
        second = datetime.fromisoformat(f"{found[1]}{found[3] or ''}")
        return nanoseconds(second) + int(found[2].ljust(9, "0"))
    except ValueError as error:
        raise BadFields(f"column {column!r}: {found[0]!r} is no time: {error}") from None


def _since_1970(it: float) -> int:
    for limit, unit in ((SECONDS_MAX, 10**9), (MILLIS_MAX, 10**6), (MICROS_MAX, 10**3)):
        if abs(it) < limit:
            return round(it * unit)
    return int(it) if abs(it) <= LATEST_NS else NO_TIME
