"""What the earlier MiniMQ answered: its producers, and its page, go on as they are."""

from __future__ import annotations

import json
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from mq.errors import MqError, TooLarge
from mq.gateway.answers import json_answer
from mq.gateway.gateway import Gateway
from mq.gateway.names import place_of
from mq.gateway.problems import BAD_REQUEST, Problem
from mq.gateway.publishing import Publish
from mq.gateway.samples import message_of, sample_of
from mq.gateway.table import Given

ESCAPED = 6  # bytes of JSON that a byte of a message may take


async def produce(gateway: Gateway, request: Request, _: Given) -> Response:
    """Store a message; a number under ``<node>-<metric>`` as a sample."""
    async with gateway.intake.body(request) as body:
        if len(body) > ESCAPED * gateway.limits.record_bytes_max:
            raise TooLarge(gateway.limits.record_bytes_max, len(body))
        name, message = _produced(body)
    try:
        place = place_of(name)
        kept = sample_of(message, place.node, place.metric, time.time_ns()) if place.node else message.encode()
    except (MqError, UnicodeEncodeError) as error:
        raise Problem(BAD_REQUEST, str(error)) from None
    gateway.presence.refuse_if_away()
    await gateway.publishing.publish(Publish(place.topic, [kept]))
    return Response(status_code=201)


def _produced(body: bytes) -> tuple[str, str]:
    """Return topic and message. Raises `Problem`."""
    try:
        found: Any = json.loads(body)
    except (ValueError, RecursionError):
        raise Problem(BAD_REQUEST, "the body is not JSON") from None
    if not isinstance(found, dict):
        raise Problem(BAD_REQUEST, 'the body is not a JSON object, as {"topic": "t", "message": "m"}')
    for name in ("topic", "message"):
        if not isinstance(found.get(name), str):
            raise Problem(BAD_REQUEST, f'the body needs "{name}", which is text')
    return found["topic"], found["message"]


async def consume(gateway: Gateway, _: Request, given: Given) -> Response:
    """Hand out the next message of a consumer, who moves on by one."""
    place = place_of(given["topic"])
    gateway.presence.refuse_if_away()
    message = await gateway.consuming.next(given["consumer_id"], place.topic)
    if message is None:
        return Response(status_code=204)
    return json_answer({"message": message_of(message.body, sampled=bool(place.node)), "offset": message.offset})


async def nodes(gateway: Gateway, _: Request, __: Given) -> Response:
    """List the nodes that have reported."""
    return json_answer(await gateway.look(gateway.nodes.look))
