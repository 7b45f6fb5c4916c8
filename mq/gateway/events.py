"""The two streams: server-sent events, and the same over a WebSocket.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from mq.gateway.cursor import BadCursor, Cursor, decode
from mq.gateway.gateway import Gateway
from mq.gateway.problems import UPGRADE, Problem
from mq.gateway.streams import Stream, StreamEvent
from mq.gateway.table import Given
from mq.topic import Pattern

KEEP_ALIVE_S = 15.0
NORMAL, POLICY = 1000, 1008
HEADERS = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store")]
LAST_ID = "last-event-id"


def where_to(gateway: Gateway, connection: HTTPConnection, given: Given) -> tuple[Cursor, bool]:
    """Return where a stream begins, and whether that is now: behind the event of which the id is given back, if one is.

    Raises `BadCursor`.
    """
    text = given["last_event_id"] or connection.headers.get(LAST_ID)
    if text:
        pattern = Pattern.parse(given["pattern"])
        cursor = decode(text, gateway.limits.stream_topics_max)
        for topic in cursor.positions:
            if not pattern.matches(topic):
                raise BadCursor(f"{topic} does not match {pattern.text}")
        return cursor, False
    if given["time"] is not None:
        return Cursor(given["time"], by_time=True), False
    if given["offset"] is not None:
        return Cursor(given["offset"], by_time=False), False
    return Cursor(gateway.presence.now(), by_time=True), True


class EventStream(Response):
    """Sends until the asker goes, or does not read for too long."""

    def __init__(self, gateway: Gateway, pattern: str, cursor: Cursor, *, live: bool) -> None:
        super().__init__()
        self._gateway, self._pattern, self._cursor, self._live = gateway, pattern, cursor, live

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        origin = Request(scope).headers.get("origin")
        headers = [*HEADERS, *([(b"access-control-allow-origin", origin.encode("latin-1"))] if origin else [])]
        streams = self._gateway.streams
        async with streams.stream(self._pattern, self._cursor, live=self._live) as stream:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            leaving = asyncio.create_task(_left(receive))
            try:
                await self._send(stream, send, leaving)
            finally:
                leaving.cancel()

    async def _send(self, stream: Stream, send: Send, leaving: asyncio.Task[None]) -> None:
        text = f"id: {stream.id}\n\n"
        while not leaving.done():
            with suppress(TimeoutError):
                async with asyncio.timeout(self._gateway.limits.stalled_s_max):
                    await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
                    text = ""
            if text:  # nobody reads: the connection is cut by ending in the middle
                return
            events = await _next(stream, leaving)
            if events is None:
                break
            text = "".join(map(_written, events)) or ": nothing new\n\n"
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def sse(gateway: Gateway, request: Request, given: Given) -> Response:
    """Stream records as server-sent events."""
    gateway.presence.refuse_if_away()
    cursor, live = where_to(gateway, request, given)
    return EventStream(gateway, given["pattern"], cursor, live=live)


async def upgrade(_: Gateway, __: Request, ___: Given) -> Response:
    """Answer who asks for the WebSocket without being one."""
    raise Problem(UPGRADE, "this is a WebSocket: ask for an upgrade to it", {"Upgrade": "websocket"})


async def speak(gateway: Gateway, socket: WebSocket, given: Given) -> None:
    """Stream records over a WebSocket, each a text message: JSON with `id`, `event` and `data`."""
    cursor, live = where_to(gateway, socket, given)
    async with gateway.streams.stream(given["pattern"], cursor, live=live) as stream:
        await socket.accept()
        leaving = asyncio.create_task(_hung_up(socket))
        try:
            async for text in _messages(stream, leaving):
                async with asyncio.timeout(gateway.limits.stalled_s_max):
                    await socket.send_text(text)
        except (TimeoutError, WebSocketDisconnect):
            pass
        finally:
            leaving.cancel()
        with suppress(RuntimeError, WebSocketDisconnect):  # it is closed already
            await socket.close(POLICY if stream.ended_badly else NORMAL)


async def _messages(stream: Stream, leaving: asyncio.Task[None]) -> AsyncIterator[str]:
    yield json.dumps({"id": stream.id, "event": "open"})
    while not leaving.done():
        events = await _next(stream, leaving)
        if events is None:
            return
        for event in events:
            yield f'{{"id":{json.dumps(event.id)},"event":"{event.kind}","data":{event.data}}}'


async def _next(stream: Stream, leaving: asyncio.Task[None]) -> list[StreamEvent] | None:
    """Return the next events, none after a while; None when there is nobody to send them to, or nothing to come."""
    coming = asyncio.ensure_future(stream.next(KEEP_ALIVE_S))
    await asyncio.wait({coming, leaving}, return_when=asyncio.FIRST_COMPLETED)
    if coming.done():
        return coming.result()
    coming.cancel()
    return None


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _hung_up(socket: WebSocket) -> None:
    """Return once the other end goes. What it says is of no interest."""
    message: Any = {}
    while message.get("type") != "websocket.disconnect":
        message = await socket.receive()


def _written(event: StreamEvent) -> str:
    kind = "" if event.kind == "message" else f"event: {event.kind}\n"
    number = f"id: {event.id}\n" if event.id else ""
    return f"{number}{kind}data: {event.data}\n\n"
