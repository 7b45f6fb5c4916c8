"""Records that are acknowledged, who hears them, and what the disk alone would give."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from struct import Struct
from tempfile import TemporaryDirectory

import zmq

from bench.workers.parts import END, NOTES, RECORD, WARM, Context, report, report_each, say, subscribed, wait_for_go
from mq.client.ack import Ack
from mq.client.producer import Producer
from mq.frame import check, encode, stamp

ANSWER_S_MAX = 60.0
STALL_MS_MAX = 15_000
CLOCK_EVERY = 1_000
_COUNT = Struct("<I")
_COUNT_AT = 4
_END = END.encode() + b"\0"


def write(batch: str, seconds: str) -> None:
    """Y: encode, checksum, stamp and write frames, and sync each second; no sockets, one thread."""
    records = [RECORD] * int(batch)
    with TemporaryDirectory(dir=".") as place:
        descriptor = os.open(f"{place}/log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        started = synced = now = time.monotonic()
        offset = 0
        while now - started < float(seconds):
            frame = encode("host/node0/cpu", records, produced=time.time_ns())
            os.write(descriptor, stamp(check(frame), offset, time.time_ns(), 1))
            offset += len(records)
            now = time.monotonic()
            if now - synced >= 1.0:
                os.fdatasync(descriptor)
                now = synced = time.monotonic()
        os.close(descriptor)
    report(records=offset, seconds=now - started)


def produce(control: str, batch: str, seconds: str) -> None:
    """Send records in batches for so long, and report how many are stored when all have their answer."""
    records = [RECORD] * int(batch)

    def some(producer: Producer) -> Ack:
        return producer.send_many(NOTES, records)

    _produce(control, some, len(records), float(seconds))


def produce_each(control: str, seconds: str) -> None:
    """Send them one by one, and look at the clock after so many."""

    def some(producer: Producer) -> Ack:
        for _ in range(CLOCK_EVERY - 1):
            producer.send(NOTES, RECORD)
        return producer.send(NOTES, RECORD)

    _produce(control, some, CLOCK_EVERY, float(seconds))


def _produce(control: str, some: Callable[[Producer], Ack], size: int, seconds: float) -> None:
    """Send `size` records again and again.

    The offset of the last record tells how many were stored: nobody else writes there.
    """
    with Producer(control, durability="written") as producer:
        producer.send(WARM, RECORD).result(ANSWER_S_MAX)
        wait_for_go()
        started = time.monotonic()
        given, ack = size, some(producer)
        while time.monotonic() - started < seconds:
            given, ack = given + size, some(producer)
        producer.flush(ANSWER_S_MAX)
        ended = time.monotonic()
        stored = ack.result().offset + 1
        producer.send(END, b"").result(ANSWER_S_MAX)
    report(given=given, stored=stored, started=started, ended=ended)


def hear(live: str) -> None:
    """Hear a first frame, say so, and count the records of all others, up to the last frame or a long silence."""
    context: Context = zmq.Context()
    socket = subscribed(context, live)
    socket.recv()
    say("warm")
    records = 0
    try:
        while not (frame := socket.recv()).startswith(_END):
            records += _COUNT.unpack_from(frame, frame.find(0) + 1 + _COUNT_AT)[0]
            socket.rcvtimeo = STALL_MS_MAX
        last = time.monotonic()
    except zmq.Again:
        last = time.monotonic() - STALL_MS_MAX / 1000
    report(heard=records, last=last)
    socket.close()
    context.term()


def durable(control: str, rounds: str) -> None:
    """Send a record and wait for its durable acknowledgement, again and again."""
    with Producer(control, durability="durable") as producer:
        producer.send(NOTES, RECORD).result(ANSWER_S_MAX)
        report_each(lambda: producer.send(NOTES, RECORD).result(ANSWER_S_MAX), int(rounds))


def sync(rounds: str) -> None:
    """Write as many bytes as the frame of such a record has, and sync, again and again."""
    frame = encode(NOTES, [RECORD], produced=time.time_ns())
    with TemporaryDirectory(dir=".") as place:
        descriptor = os.open(f"{place}/log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

        def once() -> None:
            os.write(descriptor, frame)
            os.fdatasync(descriptor)

        once()
        report_each(once, int(rounds))
        os.close(descriptor)
