"""What goes wrong, as HTTP says it: a status, and problem details (RFC 9457) that name the thing and what to do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from mq.errors import (
    BadPattern,
    BadTopic,
    Closed,
    Disconnected,
    FrameRefused,
    MqError,
    NotStored,
    Refused,
    TimedOut,
    TooLarge,
    Unreachable,
)
from mq.gateway.cursor import BadCursor
from mq.gateway.lines import BadBody, TooManyLines
from mq.gateway.moments import BadTime
from mq.gateway.publishing import PartlyStored
from mq.gateway.workers import Bug, Overloaded

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 1


class Kind(NamedTuple):
    """One sort of problem: its name in the type, what it is called, its status, and whether to come again."""

    name: str
    title: str
    status: int
    retry: bool = False


BAD_REQUEST = Kind("bad-request", "What was sent cannot be understood", 400)
FOREIGN = Kind("foreign-origin", "A page of another site may not ask here", 403)
RESERVED = Kind("reserved-topic", "The topic is the broker's own", 403)
NOT_FOUND = Kind("not-found", "There is no such thing", 404)
METHOD = Kind("method-not-allowed", "This is not done here", 405)
SLOW = Kind("too-slow", "The body did not arrive in time", 408)
HELD = Kind("held", "Somebody else holds this consumer", 409, retry=True)
SHARED = Kind("shared-consumer", "The consumer is not one that a gateway may move", 409)
TOO_LARGE = Kind("too-large", "More than is taken at once", 413)
ENCODING = Kind("content-encoding", "The body is encoded in a way that is not read here", 415)
UPGRADE = Kind("upgrade-required", "This is spoken over a WebSocket only", 426)
BUG = Kind("bug", "The gateway has a bug", 500)
SENSELESS = Kind("broken-answer", "What the broker answers makes no sense", 502)
AWAY = Kind("broker-away", "The broker does not answer", 503, retry=True)
UNKNOWN = Kind("outcome-unknown", "Nobody knows whether it is stored", 503, retry=True)
OVERLOADED = Kind("overloaded", "Too much is asked at once", 503, retry=True)
REFUSED = Kind("refused", "The broker says no", 502)
FULL = Kind("full", "There is no room for more", 507)

KINDS = tuple(it for it in list(globals().values()) if isinstance(it, Kind))

_BY_CLASS: tuple[tuple[tuple[type[MqError], ...], Kind], ...] = (
    ((BadTopic, BadPattern, BadTime, BadCursor, BadBody), BAD_REQUEST),
    ((TooLarge, TooManyLines), TOO_LARGE),
    ((Overloaded,), OVERLOADED),
    ((NotStored, Unreachable, Closed), AWAY),
    ((TimedOut, Disconnected), UNKNOWN),
    ((Bug,), BUG),
    ((FrameRefused,), SENSELESS),
)
_BY_REASON = {
    "too_large": TOO_LARGE,
    "reserved_topic": RESERVED,
    "busy": OVERLOADED,
    "held": HELD,
    "no_consumer": NOT_FOUND,
    "bad_request": SHARED,
    "limit": FULL,
    "disk_full": FULL,
    "read_only": FULL,
    "files_exhausted": FULL,
    "too_many_topics": FULL,
}


class Problem(Exception):
    """What a request ends with, where it ends badly."""

    def __init__(self, kind: Kind, detail: str, headers: Mapping[str, str] | None = None, **more: Any) -> None:
        self.kind, self.detail, self.headers, self.more = kind, detail, dict(headers or {}), more
        super().__init__(detail)

    def response(self, request: Request) -> Response:
        """Return what is answered."""
        kind = self.kind
        about = {"type": f"/docs#{kind.name}", "title": kind.title, "status": kind.status, "detail": self.detail}
        body = f"{json.dumps({**about, 'instance': request.url.path, **self.more})}\n".encode()
        retry = {"Retry-After": str(RETRY_AFTER_S)} if kind.retry else {}
        headers = {"Cache-Control": "no-store", **retry, **self.headers}
        return Response(body, kind.status, headers, MEDIA_TYPE)


def problem_of(error: MqError) -> Problem:
    """Return the problem that an error of ours is."""
    if isinstance(error, PartlyStored):
        inner = problem_of(error.error)
        return Problem(inner.kind, str(error), stored=[list(each) for each in error.ranges])
    if isinstance(error, Refused):
        return Problem(_BY_REASON.get(error.reason, REFUSED), str(error), reason=error.reason)
    kind = next((kind for classes, kind in _BY_CLASS if isinstance(error, classes)), REFUSED)
    return Problem(kind, str(error))
