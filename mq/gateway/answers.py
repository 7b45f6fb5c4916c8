"""What is answered with: JSON, compressed where the asker takes that and it pays."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

COMPRESSED_FROM_BYTES = 1_024
FAST = 1
JSON = "application/json"
PLAIN = {"Cache-Control": "no-store", "Vary": "Accept-Encoding"}


def takes_gzip(request: Request) -> bool:
    """Whether the asker reads gzip."""
    for part in request.headers.get("accept-encoding", "").lower().split(","):
        name, _, quality = part.partition(";")
        if name.strip() in ("gzip", "*"):
            return quality.replace(" ", "").rstrip("0.") != "q="
    return False


def packed(text: str, *, zipped: bool) -> tuple[bytes, bool]:
    """Return what travels, and whether it is compressed: for a thread that may take its time."""
    body = text.encode()
    if zipped and len(body) >= COMPRESSED_FROM_BYTES:
        return gzip.compress(body, FAST, mtime=0), True
    return body, False


def answer(body: bytes, *, zipped: bool, media_type: str = JSON, headers: dict[str, str] | None = None) -> Response:
    """Return it as a response."""
    encoding = {"Content-Encoding": "gzip"} if zipped else {}
    return Response(body, 200, {**PLAIN, **encoding, **(headers or {})}, media_type)


def json_answer(it: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return something small as JSON."""
    return Response(f"{_written(it)}\n".encode(), status, {**PLAIN, **(headers or {})}, JSON)


def object_of(lists: dict[str, Sequence[str]], rest: dict[str, Any]) -> str:
    """Return a JSON object, one line, out of lists of what is JSON already, and all else."""
    parts = [f"{json.dumps(name)}:[{','.join(rows)}]" for name, rows in lists.items()]
    parts += [f"{json.dumps(name)}:{_written(it)}" for name, it in rest.items()]
    return f"{{{','.join(parts)}}}\n"


def _written(it: Any) -> str:
    return json.dumps(it, separators=(",", ":"))
