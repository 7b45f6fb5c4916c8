"""One table says what there is: routes, checks of parameters and the OpenAPI document are all made of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from mq.errors import MqError
from mq.gateway.problems import BAD_REQUEST, Kind, Problem

Given = Mapping[str, Any]
Schema = dict[str, Any]
Handler = Callable[[Any, Request, Given], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Parameter:
    """Something in the query or the path. `read` makes of its text what the handler is given, or raises."""

    name: str
    about: str
    schema: Schema
    read: Callable[[str], Any] = str
    default: Any = None
    required: bool = False
    where: str = "query"
    example: Any = None

    def taken(self, text: str) -> Any:
        """Return what a text means. Raises `Problem`."""
        try:
            return self.read(text)
        except (ValueError, MqError) as error:
            raise Problem(BAD_REQUEST, f"{self.name}: {error}", parameter=self.name) from None


@dataclass(frozen=True, slots=True)
class Operation:
    """What is done at one path by one method."""

    method: str
    path: str
    name: str
    summary: str
    about: str
    handler: Handler
    parameters: Sequence[Parameter] = ()
    bodies: Mapping[str, Schema] = field(default_factory=dict)
    status: int = 200
    answers: Mapping[str, Schema] = field(default_factory=dict)
    none: str = ""
    unwell: str = ""
    problems: Sequence[Kind] = ()
    tag: str = "v1"
    example: str = ""

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that it takes: HEAD too where it reads, has an end, and the earlier MiniMQ had no word in it."""
        reads = self.method == "GET" and "application/json" in self.answers and self.tag != "earlier"
        return (self.method, "HEAD") if reads else (self.method,)

    def given(self, request: Request) -> dict[str, Any]:
        """Return the parameters of a request, checked. Raises `Problem`."""
        query = request.query_params
        known = {each.name for each in self.parameters if each.where == "query"}
        for name in query:
            if name not in known and self.tag == "v1":
                among = ", ".join(sorted(known)) or "none"
                raise Problem(BAD_REQUEST, f"there is no parameter {name[:60]!r} here, only: {among}")
            if name in known and len(query.getlist(name)) > 1:
                raise Problem(BAD_REQUEST, f"{name} is given more than once", parameter=name)
        return {each.name: _taken(each, request) for each in self.parameters}


def _taken(parameter: Parameter, request: Request) -> Any:
    source: Mapping[str, Any] = request.path_params
    if parameter.where != "path":
        source = request.query_params if parameter.where == "query" else request.headers
    text = source.get(parameter.name)
    if text is not None:
        return parameter.taken(text)
    if parameter.required:
        raise Problem(BAD_REQUEST, f"{parameter.name} is missing", parameter=parameter.name)
    return parameter.default


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """Return what reads a whole number within bounds."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit()) or not least <= int(text[:25]) <= most:
            raise ValueError(f"{text[:40]!r} is not a whole number from {least} to {most}")
        return int(text)

    return read


def one_of(*words: str) -> Callable[[str], str]:
    """Return what reads one of some words."""

    def read(text: str) -> str:
        if text not in words:
            raise ValueError(f"{text[:40]!r} is none of {', '.join(words)}")
        return text

    return read
