"""Taking bodies in: bounded each, all together, and in time; unpacked within the same bound."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import ClientDisconnect, Request

from mq.gateway.limits import Limits
from mq.gateway.problems import BAD_REQUEST, ENCODING, OVERLOADED, SLOW, TOO_LARGE, Problem

GZIP = 16 + zlib.MAX_WBITS
_CLOSE = {"Connection": "close"}
_GZIP_ONLY = {"Accept-Encoding": "gzip"}
GONE = "the connection ended in the middle of the body"


class Intake:
    """All bodies that are being read."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._room = limits.bodies_bytes_max

    @asynccontextmanager
    async def body(self, request: Request) -> AsyncIterator[bytes]:
        """Give a whole body, for which there is room as long as the block lasts. Raises `Problem`."""
        encoding = request.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("identity", "gzip", "x-gzip"):
            raise Problem(ENCODING, f"Content-Encoding {encoding[:40]!r}: use gzip, or none", _GZIP_ONLY)
        taken = bytearray()
        try:
            await self._read(request, taken)
            whole = bytes(taken)
            yield whole if encoding == "identity" else await asyncio.to_thread(self._unzipped, whole)
        finally:
            self._room += len(taken)

    async def _read(self, request: Request, taken: bytearray) -> None:
        seconds = self._limits.body_s_max
        try:
            async with asyncio.timeout(seconds):
                async for chunk in self._chunks(request):
                    taken += chunk
                    self._take(len(chunk))
        except TimeoutError:
            raise Problem(SLOW, f"after {seconds:g} s only {len(taken)} bytes had come", _CLOSE) from None
        except ClientDisconnect:
            raise Problem(BAD_REQUEST, GONE) from None

    async def _chunks(self, request: Request) -> AsyncIterator[bytes]:
        """Yield what arrives, as long as it is not too much."""
        said = request.headers.get("content-length", "0")
        size = int(said) if said.isascii() and said.isdigit() else 0
        self._refuse_large(size)
        size = 0
        async for chunk in request.stream():
            size += len(chunk)
            self._refuse_large(size)
            yield chunk

    def _refuse_large(self, size: int) -> None:
        limit = self._limits.body_bytes_max
        if size > limit:
            raise Problem(TOO_LARGE, f"the body is over body_bytes_max, {limit:,}: send less at once", _CLOSE)

    def _take(self, size: int) -> None:
        self._room -= size
        if self._room < 0:
            limit = self._limits.bodies_bytes_max
            raise Problem(OVERLOADED, f"all bodies together are over bodies_bytes_max, {limit:,}", _CLOSE)

    def _unzipped(self, body: bytes) -> bytes:
        unzip = zlib.decompressobj(GZIP)
        try:
            plain = unzip.decompress(body, self._limits.body_bytes_max + 1)
        except zlib.error as error:
            raise Problem(BAD_REQUEST, f"the body is not gzip, and its Content-Encoding is: {error}") from None
        self._refuse_large(len(plain))
        if not unzip.eof or unzip.unused_data:
            raise Problem(BAD_REQUEST, "the body is not one whole gzip member and nothing else")
        return plain
