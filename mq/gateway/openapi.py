"""The OpenAPI document, made of the table.

https://spec.openapis.org/oas/v3.1.0
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mq import __version__
from mq.gateway.problems import MEDIA_TYPE, Kind
from mq.gateway.schemas import SCHEMAS, ref
from mq.gateway.table import Operation, Parameter

TAGS = {
    "v1": "The API: records in and out, lists, streams.",
    "earlier": "What the earlier MiniMQ's clients ask.",
    "health": "For those who watch it.",
}
ABOUT = "MiniMQ over HTTP. Errors are problem details (RFC 9457). Times are ns since 1970-01-01 UTC."
Json = dict[str, Any]


def document(operations: Iterable[Operation]) -> Json:
    """Return the document."""
    paths: dict[str, Json] = {}
    for each in operations:
        paths.setdefault(each.path.replace(":path", ""), {})[each.method.lower()] = _operation(each)
    return {
        "openapi": "3.1.0",
        "info": {"title": "MiniMQ", "version": __version__, "description": ABOUT, "license": {"name": "MIT"}},
        "tags": [{"name": name, "description": about} for name, about in TAGS.items()],
        "paths": paths,
        "components": {"schemas": SCHEMAS},
    }


def _operation(it: Operation) -> Json:
    shown: Json = {
        "operationId": it.name,
        "tags": [it.tag],
        "summary": it.summary,
        "description": it.about,
        "responses": _responses(it),
    }
    if it.parameters:
        shown["parameters"] = [_parameter(each) for each in it.parameters]
    if it.bodies:
        content = {media_type: {"schema": schema} for media_type, schema in it.bodies.items()}
        shown["requestBody"] = {"required": True, "content": content}
    return shown


def _parameter(it: Parameter) -> Json:
    shown: Json = {"name": it.name, "in": it.where, "required": it.required, "description": it.about}
    shown["schema"] = it.schema
    if it.example is not None:
        shown["example"] = it.example
    return shown


def _responses(it: Operation) -> Json:
    responses: Json = {}
    if it.answers:
        content = {media_type: {"schema": schema} for media_type, schema in it.answers.items()}
        responses[str(it.status)] = {"description": it.summary, "content": content}
    if it.none:
        responses[str(204 if it.answers else it.status)] = {"description": it.none}
    for status, kinds in _by_status(it.problems).items():
        content = {MEDIA_TYPE: {"schema": ref("Problem")}}
        responses[str(status)] = {"description": "; or: ".join(kind.title for kind in kinds), "content": content}
    if it.unwell:
        content = {media_type: {"schema": schema} for media_type, schema in it.answers.items()}
        responses["503"] = {"description": it.unwell, "content": content}
    return responses


def _by_status(kinds: Iterable[Kind]) -> dict[int, list[Kind]]:
    by_status: dict[int, list[Kind]] = {}
    for kind in sorted(kinds, key=lambda kind: kind.status):
        by_status.setdefault(kind.status, []).append(kind)
    return by_status
