"""The application: routes made of the table, and errors as problem details."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from mq.errors import MqError
from mq.gateway import events
from mq.gateway.docs_page import CONTENT_SECURITY, page
from mq.gateway.gateway import Gateway
from mq.gateway.openapi import document
from mq.gateway.operations import OPERATIONS, SOCKET
from mq.gateway.origins import PREFLIGHT
from mq.gateway.problems import BUG, FOREIGN, METHOD, NOT_FOUND, Problem, problem_of
from mq.gateway.table import Operation

_log = logging.getLogger(__name__)

Endpoint = Callable[[Request], Awaitable[Response]]


def application(gateway: Gateway) -> Starlette:
    """Return what answers."""
    by_path: dict[str, dict[str, Operation]] = {}
    for each in OPERATIONS:
        by_path.setdefault(each.path, {}).update(dict.fromkeys(each.methods, each))
    described = json.dumps(document(OPERATIONS)).encode()
    shown = page(OPERATIONS)

    async def openapi(_: Request) -> Response:
        return Response(described, media_type="application/json")

    async def root(_: Request) -> Response:
        return RedirectResponse("/docs")

    async def docs(_: Request) -> Response:
        return HTMLResponse(shown, headers={"Content-Security-Policy": CONTENT_SECURITY})

    routes: list[BaseRoute] = [
        WebSocketRoute(SOCKET.path, _websocket(gateway)),
        *(Route(path, _endpoint(gateway, there), methods=_METHODS) for path, there in by_path.items()),
        Route("/", root),
        Route("/openapi.json", openapi),
        Route("/docs", docs),
    ]
    return Starlette(
        routes=routes,
        exception_handlers={
            Problem: _problem,
            MqError: _problem,
            HTTPException: _http_error,
            Exception: _bug,
        },
    )


_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]


def _endpoint(gateway: Gateway, there: dict[str, Operation]) -> Endpoint:
    allow = ", ".join(there)

    async def answer(request: Request) -> Response:
        _refuse_foreign(gateway, request)
        try:
            response = await respond(request)
        except (Problem, MqError) as error:
            response = _as_problem(error).response(request)
        response.headers.update(gateway.origins.answer_headers(request.headers))
        return response

    async def respond(request: Request) -> Response:
        operation = there.get(request.method)
        if operation is not None:
            return await operation.handler(gateway, request, operation.given(request))
        if request.method == "OPTIONS" and PREFLIGHT in request.headers:
            return Response(status_code=204, headers=gateway.origins.preflight_headers(allow))
        raise Problem(METHOD, f"{request.method[:20]} is not done here, only {allow}", {"Allow": allow})

    return answer


def _websocket(gateway: Gateway) -> Callable[[WebSocket], Awaitable[None]]:
    async def answer(socket: WebSocket) -> None:
        try:
            _refuse_foreign(gateway, socket)
            gateway.presence.refuse_if_away()
            await events.speak(gateway, socket, SOCKET.given(_as_request(socket)))
        except (Problem, MqError) as error:
            with suppress(RuntimeError):  # it is open already, or gone
                await socket.send_denial_response(_as_problem(error).response(_as_request(socket)))

    return answer


def _refuse_foreign(gateway: Gateway, connection: HTTPConnection) -> None:
    if not gateway.origins.admits(connection.headers):
        origin = connection.headers["origin"][:100]
        raise Problem(FOREIGN, f"pages of {origin!r} may not ask here: let them by --origin HOST")


def _as_problem(error: Problem | MqError) -> Problem:
    return error if isinstance(error, Problem) else problem_of(error)


def _as_request(socket: WebSocket) -> Request:
    return Request({**socket.scope, "type": "http", "method": "GET"})


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, (Problem, MqError))  # noqa: S101 - for the type checker: that is what it is registered for
    return _as_problem(error).response(request)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - the same
    headers = dict(error.headers or {})
    if error.status_code == METHOD.status:
        return await _problem(request, Problem(METHOD, f"{request.method[:20]} is not done here", headers))
    return await _problem(request, Problem(NOT_FOUND, f"there is nothing at {request.url.path[:200]}: see /docs"))


async def _bug(request: Request, error: Exception) -> Response:
    _log.error("a bug: %s %s", request.method, request.url.path, exc_info=error)
    return await _problem(request, Problem(BUG, "the gateway's log says more"))
