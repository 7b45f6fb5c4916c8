"""The handlers of ``/v1``: each takes checked parameters, asks, and answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from mq.client.link import Link
from mq.gateway.answers import answer, json_answer, object_of, packed, takes_gzip
from mq.gateway.gateway import Gateway
from mq.gateway.lines import records_of
from mq.gateway.listings import Paged, consumers, last_values, standings, topics
from mq.gateway.pages import Wanted, page_of
from mq.gateway.problems import BAD_REQUEST, Problem
from mq.gateway.publishing import Publish
from mq.gateway.table import Given

OWN_THREAD_BYTES = 64 << 10
"""A body from this size on is taken apart by a thread, so that others need not wait for it."""
UNSAID = "application/octet-stream"


async def publish(gateway: Gateway, request: Request, given: Given) -> Response:
    """Store records, and tell their offsets."""
    async with gateway.intake.body(request) as body:
        said = request.headers.get("content-type")
        if not body and said is None:
            raise Problem(BAD_REQUEST, "there is no body: an empty record is one with a Content-Type")
        media_type = (said or UNSAID).partition(";")[0].strip().lower()
        if len(body) >= OWN_THREAD_BYTES:
            records = await asyncio.to_thread(records_of, body, media_type, gateway.limits)
        else:
            records = records_of(body, media_type, gateway.limits)
        gateway.presence.refuse_if_away()
        ranges = await gateway.publishing.publish(Publish(given["topic"], records, given["durability"]))
    about = {"topic": given["topic"], "records": len(records), "durability": given["durability"]}
    return json_answer({**about, "offsets": ranges}, 201)


async def records(gateway: Gateway, request: Request, given: Given) -> Response:
    """Answer a page of a topic's records."""
    bytes_max, zipped = gateway.limits.page_bytes_max, takes_gzip(request)
    wanted = Wanted(given["topic"], given["offset"], given["time"], given["until"], given["limit"])

    def look(link: Link) -> tuple[bytes, bool, int, bool]:
        text, following, more = page_of(link, wanted, bytes_max)
        return *packed(text, zipped=zipped), following, more

    body, is_zipped, following, more = await gateway.look(look)
    query = {key: value for key, value in request.query_params.items() if key not in ("offset", "time")}
    link = f'<{request.url.path}?{urlencode(query | {"offset": following})}>; rel="next"'
    return answer(body, zipped=is_zipped, headers={"Link": link} if more else None)


async def last(gateway: Gateway, request: Request, given: Given) -> Response:
    """Answer the last record of each topic."""
    zipped = takes_gzip(request)

    def look(link: Link) -> tuple[bytes, bool]:
        rows, after = last_values(link, [given["pattern"]], given["after"], given["limit"])
        return packed(object_of({"records": rows}, {"after": after}), zipped=zipped)

    body, is_zipped = await gateway.look(look)
    return answer(body, zipped=is_zipped)


async def list_topics(gateway: Gateway, request: Request, given: Given) -> Response:
    """Answer what the journal holds."""
    pattern, after, limit = given["pattern"], given["after"], given["limit"]
    return await _paged(gateway, request, "topics", lambda link: topics(link, [pattern], after, limit))


async def list_consumers(gateway: Gateway, request: Request, given: Given) -> Response:
    """Answer who reads on under a name."""
    return await _paged(gateway, request, "consumers", lambda link: consumers(link, given["after"], given["limit"]))


async def consumer(gateway: Gateway, request: Request, given: Given) -> Response:
    """Answer where one of them stands."""
    name, after, limit = given["consumer"], given["after"], given["limit"]
    return await _paged(gateway, request, "topics", lambda link: standings(link, name, after, limit))


async def _paged(gateway: Gateway, request: Request, name: str, rows: Callable[[Link], Paged]) -> Response:
    zipped = takes_gzip(request)

    def look(link: Link) -> tuple[bytes, bool]:
        found, after = rows(link)
        return packed(object_of({}, {name: found, "after": after}), zipped=zipped)

    body, is_zipped = await gateway.look(look)
    return answer(body, zipped=is_zipped)
