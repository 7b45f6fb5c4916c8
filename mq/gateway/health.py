"""Whether the gateway runs, and whether it can do what it is for."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from mq.gateway.answers import json_answer
from mq.gateway.gateway import Gateway
from mq.gateway.problems import RETRY_AFTER_S
from mq.gateway.table import Given


async def healthz(_: Gateway, __: Request, ___: Given) -> Response:
    """Answer as long as there is somebody to answer."""
    return json_answer({"status": "alive"})


async def readyz(gateway: Gateway, _: Request, __: Given) -> Response:
    """Say what is wrong, if anything is."""
    faults = gateway.faults()
    if not faults:
        return json_answer({"status": "ready"})
    return json_answer({"status": "failed", "why": faults}, 503, {"Retry-After": str(RETRY_AFTER_S)})
