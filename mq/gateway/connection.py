"""A connection, bounded: how many there are, how long a request may take to arrive, and how large its head may be.

uvicorn bounds the idle time between requests, and no other; a connection that says nothing, or one byte a minute, it
would keep for ever.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from mq.gateway.limits import Limits

SEPARATORS = 4
GRACE_S = 5.0
"""So much later than the body's own time, of which the asker is told, the connection is cut."""


class BoundedConfig(uvicorn.Config):
    """uvicorn's settings, and our limits, for each connection to see."""

    limits: Limits = Limits()


class BoundedConnection(HttpToolsProtocol):
    """One connection. There is a timer whenever something is to arrive."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._limits = cast(BoundedConfig, self.config).limits
        self._timer: asyncio.TimerHandle | None = None
        self._in_head = True
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request; refuse what would be too many."""
        super().connection_made(transport)
        found = transport.get_extra_info("socket")
        if found is not None:
            stalled_ms = round(self._limits.stalled_s_max * 1000)
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, stalled_ms)
        self._wait(self._limits.header_s_max)
        if len(self.connections) > self._limits.connections_max:
            self._refuse("503 Service Unavailable", "overloaded", f"connections_max is {self._limits.connections_max}")

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._arrived()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take in what arrives, unless it is a head that does not end."""
        if self.transport.is_closing():
            return
        if self._in_head:
            self._head_bytes += len(data)
            if self._timer is None:
                self._wait(self._limits.header_s_max)
        super().data_received(data)
        if self._in_head and self._head_bytes > self._limits.header_bytes_max:
            self._refuse_head()

    def on_message_begin(self) -> None:
        """Note that a head begins."""
        super().on_message_begin()
        self._in_head = True

    def on_headers_complete(self) -> None:
        """Wait for the body from now on."""
        self._in_head = False
        self._head_bytes = 0
        self._wait(self._limits.body_s_max + GRACE_S)
        size = len(self.url) + sum(len(name) + len(value) + SEPARATORS for name, value in self.headers)
        if size > self._limits.header_bytes_max:
            self._refuse_head()
            return
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take in some of the body, where somebody takes it."""
        if not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Wait for nothing, until something comes."""
        self._arrived()
        self._in_head = True
        if not self.transport.is_closing():
            super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """Leave the connection to the WebSocket."""
        self._arrived()
        super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:
        """Say that this is no HTTP."""
        if not self.transport.is_closing():
            self._refuse("400 Bad Request", "bad-request", msg)

    def _wait(self, seconds: float) -> None:
        self._arrived()
        self._timer = self.loop.call_later(seconds, self._too_slow)

    def _arrived(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        self._timer = None
        if self._in_head and self._head_bytes:
            self._refuse("408 Request Timeout", "too-slow", f"header_s_max is {self._limits.header_s_max:g}")
        else:
            self.transport.abort()

    def _refuse_head(self) -> None:
        why = f"header_bytes_max is {self._limits.header_bytes_max:,}"
        self._refuse("431 Request Header Fields Too Large", "too-large", why)

    def _refuse(self, status: str, kind: str, detail: str) -> None:
        """Answer before there is a request that could be, and end."""
        self._arrived()
        title = status[4:]
        body = f'{{"type":"/docs#{kind}","title":"{title}","status":{status[:3]},"detail":"{detail}"}}'
        retry = "Retry-After: 1\r\n" if status.startswith("503") else ""
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/problem+json\r\n{retry}Connection: close\r\n"
        self.transport.write(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        self.transport.close()
