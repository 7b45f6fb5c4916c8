"""``minimq pub``."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mq.cli import options

if TYPE_CHECKING:
    from mq.client.ack import Ack, Stored
    from mq.client.producer import Producer


def pub(
    topic: Annotated[str, typer.Argument(metavar="TOPIC", help="Where to, as host/node1/note.")],
    body: Annotated[
        str | None, typer.Argument(metavar="BODY", help="One record; without it, each line of standard input.")
    ] = None,
    broker: options.Broker = options.BROKER,
    durability: Annotated[
        Literal["durable", "written"],
        typer.Option(help="durable survives a power cut, written the broker's death."),
    ] = "durable",
    as_json: options.Json = False,
    timeout: options.Timeout = options.TIMEOUT_S,
) -> None:
    """Publish records, wait until they are stored, and print the last offset.

    \b
    minimq pub notes "disk replaced"
    some-program | minimq pub notes
    """
    from mq.client.link import Link
    from mq.client.producer import Producer
    from mq.topic import encode_topic

    encode_topic(topic)
    with Link(broker, timeout) as link:
        link.hello()
    records = [os.fsencode(body)] if body is not None else _lines_of_standard_input()
    with Producer(broker, durability, block_s_max=timeout) as producer:
        last = _send_all(producer, topic, records, timeout)
    if last is not None and as_json:
        typer.echo(json.dumps({"topic": topic, "offset": last.offset, "level": last.level}))
    elif last is not None:
        typer.echo(last.offset)


def _send_all(producer: Producer, topic: str, records: Iterable[bytes], timeout: float) -> Stored | None:
    """Send records while the answers to earlier ones come in; return the last answer. The first bad one ends it."""
    waiting: deque[Ack] = deque()
    last: Stored | None = None
    for record in records:
        waiting.append(producer.send(topic, record))
        while waiting and waiting[0].done:
            last = waiting.popleft().result()
    while waiting:
        last = waiting.popleft().result(timeout)
    return last


def _lines_of_standard_input() -> Iterator[bytes]:
    """Yield lines without their ends. Of a line that no frame can hold only so much is read that it is refused."""
    from mq.frame import FRAME_BYTES_MAX

    with os.fdopen(0, "rb", closefd=False) as stream:
        while line := stream.readline(FRAME_BYTES_MAX + 1):
            yield line.removesuffix(b"\n")
