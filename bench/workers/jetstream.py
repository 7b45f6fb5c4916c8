"""The same in a stream of NATS JetStream, through nats-py, as its users would write it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import nats
from nats.aio.client import Client
from nats.js import JetStreamContext

from bench.workers.parts import NOTES, RECORD, report

IN_FLIGHT = 4_000  # nats-py's own default
Play = Callable[[Client, JetStreamContext], Awaitable[None]]


def publish(url: str, records: str) -> None:
    """Publish so many records to a stream, with as many under way as the client lets be."""

    async def play(_: Client, stream: JetStreamContext) -> None:
        await stream.add_stream(name=NOTES, subjects=[NOTES])
        started = time.monotonic()
        for _each in range(int(records)):
            last = await stream.publish_async(NOTES, RECORD)
        await stream.publish_async_completed()
        report(records=(await last).seq, seconds=time.monotonic() - started)

    _run(url, play)


def consume(url: str, records: str) -> None:
    """Read all of the stream by an ordered consumer, which needs no acknowledgements."""

    async def play(_: Client, stream: JetStreamContext) -> None:
        started = time.monotonic()
        subscription = await stream.subscribe(NOTES, ordered_consumer=True)
        read = 0
        async for message in subscription.messages:
            read += len(message.data) == len(RECORD)
            if read == int(records):
                break
        report(records=read, seconds=time.monotonic() - started)

    _run(url, play)


def publish_each(url: str, rounds: str) -> None:
    """Publish a record and wait for its acknowledgement, again and again."""

    async def play(_: Client, stream: JetStreamContext) -> None:
        await stream.add_stream(name=NOTES, subjects=[NOTES])
        await stream.publish(NOTES, RECORD)
        taken = []
        for _each in range(int(rounds)):
            started = time.perf_counter_ns()
            await stream.publish(NOTES, RECORD)
            taken.append((time.perf_counter_ns() - started) / 1000)
        report(microseconds=taken)

    _run(url, play)


def _run(url: str, play: Play) -> None:
    async def connected() -> None:
        client = await nats.connect(url)
        await play(client, client.jetstream(publish_async_max_pending=IN_FLIGHT))
        await client.close()

    asyncio.run(connected())
