"""HTTP: lines posted, the same lines by the client, consumers that are new, and a server with nothing behind it."""

from __future__ import annotations

import json
import time
from http.client import HTTPConnection
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import uvicorn

from bench.workers.parts import WARM, report, report_each, say
from mq.client.producer import Producer
from mq.gateway.server import bind, url_of

ANSWER_S_MAX = 60.0
BATCH = 1_000
CREATED, OK = 201, 200
NDJSON = {"Content-Type": "application/x-ndjson"}
LINE = json.dumps({"value": 21.5, "pad": "x" * 74}).encode()
HEAD: dict[str, Any] = {"type": "http.response.start", "status": 200}
BODY: dict[str, Any] = {"type": "http.response.body", "body": b'{"message":"42.5","offset":0}\n'}


def post(url: str, topic: str, lines: str, requests: str) -> None:
    """Post so many lines a request, through one connection."""
    body = b"".join(LINE + b"\n" for _ in range(int(lines)))
    connection = _connection(url)
    _ask(connection, "POST", f"/v1/topics/{WARM}/records", CREATED, LINE, NDJSON)
    started = time.monotonic()
    for _ in range(int(requests)):
        _ask(connection, "POST", f"/v1/topics/{topic}/records", CREATED, body, NDJSON)
    report(records=int(lines) * int(requests), seconds=time.monotonic() - started)


def send_lines(control: str, topic: str, lines: str, requests: str) -> None:
    """Send the same by the client, and wait as often for their acknowledgement."""
    with Producer(control) as producer:
        producer.send(WARM, LINE).result(ANSWER_S_MAX)
        started = time.monotonic()
        for _ in range(int(requests)):
            for _ in range(int(lines) // BATCH):
                ack = producer.send_many(topic, [LINE] * BATCH)
            ack.result(ANSWER_S_MAX)
        report(records=int(lines) * int(requests), seconds=time.monotonic() - started)


def meet(url: str, topic: str, rounds: str) -> None:
    """Ask for the first message of a topic under a new name, again and again."""
    connection = _connection(url)
    numbers = count()

    def once() -> None:
        _ask(connection, "GET", f"/consume?topic={topic}&consumer_id=new-{topic}-{next(numbers)}", OK)

    report_each(once, int(rounds))


def bare() -> None:
    """Answer whatever is asked with the same few bytes, by the gateway's server with nothing behind it."""

    async def answer(_scope: Any, _receive: Any, send: Any) -> None:
        await send(HEAD | {"headers": [(b"content-length", b"%d" % len(BODY["body"]))]})
        await send(BODY)

    with bind("127.0.0.1", 0) as bound:
        say(f"ready bare={url_of(bound)}")
        config = uvicorn.Config(
            answer, http="httptools", loop="asyncio", lifespan="off", log_config=None, access_log=False
        )
        uvicorn.Server(config).run(sockets=[bound])


def _connection(url: str) -> HTTPConnection:
    return HTTPConnection(urlsplit(url).netloc, timeout=ANSWER_S_MAX)


def _ask(
    connection: HTTPConnection,
    method: str,
    target: str,
    status: int,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> None:
    connection.request(method, target, body, headers or {})
    response = connection.getresponse()
    said = response.read()
    if response.status != status:
        raise SystemExit(f"{method} {target[:80]}: {response.status} {said[:200]!r}")
