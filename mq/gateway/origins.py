"""Which pages a browser may ask us for: those of the host that it asks, on any port, and those that were named.

Whoever is no browser says no origin. Without this any page on the web could post to a gateway on its reader's machine.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers

ANY = "*"
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
PREFLIGHT = "access-control-request-method"


class Origins:
    """`named` are hosts, as ``metrics.example``; ``*`` is all there are."""

    def __init__(self, named: Iterable[str] = ()) -> None:
        self._named = {name.lower() for name in named}

    def admits(self, headers: Headers) -> bool:
        """Whether a request may be answered."""
        origin = headers.get("origin")
        if origin is None or ANY in self._named:
            return True
        host, asked = _host(origin), _host(f"//{headers.get('host', '')}")
        return bool(host) and (host in self._named or host == asked or {host, asked} <= LOOPBACK)

    @staticmethod
    def answer_headers(headers: Headers) -> dict[str, str]:
        """Return what lets an admitted page on another port read the answer."""
        origin = headers.get("origin")
        return {"Access-Control-Allow-Origin": origin, "Vary": "Origin, Accept-Encoding"} if origin else {}

    @staticmethod
    def preflight_headers(methods: str) -> dict[str, str]:
        """Return what a browser wants to know before it lets a page on another port send something."""
        headers = "Content-Type, Content-Encoding, Last-Event-ID"
        return {"Access-Control-Allow-Methods": methods, "Access-Control-Allow-Headers": headers}


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
