"""JSON Schemas of what goes in and out, by name."""

from __future__ import annotations

from mq.gateway.table import Schema
from mq.topic import NAME_MAX, TOPIC_BYTES_MAX

OFFSET_MAX = 2**63 - 1
TIME_MAX = 2**64 - 1
_SEGMENT = "[A-Za-z0-9_-][A-Za-z0-9_.-]*"
_PART = rf"({_SEGMENT}|\+| )"

TOPIC: Schema = {"type": "string", "pattern": f"^{_SEGMENT}(/{_SEGMENT})*$", "maxLength": TOPIC_BYTES_MAX}
PATTERN: Schema = {"type": "string", "pattern": f"^({_PART}(/{_PART})*(/#)?|#)$", "maxLength": TOPIC_BYTES_MAX}
NAME: Schema = {"type": "string", "pattern": f"^{_SEGMENT}$", "maxLength": NAME_MAX}
OFFSET: Schema = {"type": "integer", "minimum": 0, "maximum": OFFSET_MAX}
TIME: Schema = {
    "anyOf": [
        {"type": "integer", "minimum": 0, "maximum": TIME_MAX},
        {"type": "string", "format": "date-time"},
        {"type": "string", "pattern": "^-[0-9]{1,6}[smhdw]$"},
    ]
}
NANOSECONDS: Schema = {"type": "integer", "minimum": 0, "description": "ns since 1970-01-01 UTC"}


def _object(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    properties = {**required, **(optional or {})}
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _list(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def ref(name: str) -> Schema:
    """Return a reference to one of the schemas."""
    return {"$ref": f"#/components/schemas/{name}"}


_COUNT: Schema = {"type": "integer", "minimum": 0}
_TEXT: Schema = {"type": "string"}
_AFTER = _or_null({"type": "string", "description": "what to give as `after` for the next page"})

SCHEMAS: dict[str, Schema] = {
    "Record": _object(
        {"topic": _TEXT, "offset": _or_null(OFFSET), "time": NANOSECONDS, "produced": NANOSECONDS},
        {
            "body": {"description": "the record, where it is JSON, or a msgpack map or array"},
            "base64": {"type": "string", "description": "the record, where it is neither"},
            "text": {"type": "string", "description": "the same as text, where it is UTF-8"},
        },
    ),
    "Missing": _object(
        {"kind": {"enum": ["trimmed", "damaged", "beyond"]}, "first": _COUNT, "next": _COUNT},
    ),
    "Page": _object(
        {
            "topic": _TEXT,
            "records": _list(ref("Record")),
            "missing": _list(ref("Missing")),
            "next": {**_COUNT, "description": "the offset at which to go on"},
            "end": {**_COUNT, "description": "the offset that the topic's next record will have"},
            "more": {"type": "boolean", "description": "whether there are records from `next` on already"},
        }
    ),
    "Stored": _object(
        {
            "topic": _TEXT,
            "records": {"type": "integer", "minimum": 1},
            "durability": {"enum": ["durable", "written"]},
            "offsets": {
                **_list({"type": "array", "items": OFFSET, "minItems": 2, "maxItems": 2}),
                "description": "first and last of each range; more than one where others wrote in between",
            },
        }
    ),
    "LastRecords": _object({"records": _list(ref("Record")), "after": _AFTER}),
    "Topic": _object(
        {
            "topic": _TEXT,
            "records": _COUNT,
            "bytes": _COUNT,
            "segments": _COUNT,
            "first_offset": _or_null(OFFSET),
            "last_offset": _or_null(OFFSET),
            "next_offset": _COUNT,
            "first_time": _or_null(NANOSECONDS),
            "last_time": _or_null(NANOSECONDS),
        }
    ),
    "Topics": _object({"topics": _list(ref("Topic")), "after": _AFTER}),
    "Consumer": _object(
        {
            "consumer": _TEXT,
            "shared": {"type": "boolean"},
            "members": _list(_TEXT),
            "topics": _COUNT,
            "lag": {**_COUNT, "description": "records kept that it has not had, in all its topics"},
            "used": {**_COUNT, "description": "its last use, in s since 1970-01-01 UTC"},
        }
    ),
    "Consumers": _object({"consumers": _list(ref("Consumer")), "after": _AFTER}),
    "Standing": _object(
        {"topic": _TEXT, "position": _COUNT, "lag": _COUNT, "open": _COUNT, "trimmed": {"type": "boolean"}}
    ),
    "Standings": _object({"topics": _list(ref("Standing")), "after": _AFTER}),
    "Message": _object({"message": _TEXT, "offset": OFFSET}),
    "Nodes": _list(_TEXT),
    "Produce": {
        "type": "object",
        "properties": {"topic": TOPIC, "message": _TEXT},
        "required": ["topic", "message"],
    },
    "Health": _object({"status": {"enum": ["alive", "ready", "failed"]}}, {"why": {"type": "object"}}),
    "Problem": {
        "type": "object",
        "properties": {
            "type": {"type": "string", "format": "uri-reference"},
            "title": _TEXT,
            "status": {"type": "integer"},
            "detail": _TEXT,
            "instance": _TEXT,
        },
        "required": ["type", "title", "status", "detail", "instance"],
    },
}
