"""Frames that nobody acknowledges: through the broker, and through a loop that does nothing else."""

from __future__ import annotations

import time
from struct import Struct

import zmq

from bench.workers.parts import RECORD, SILENCE_MS, Context, report, say, subscribed, wait_for_go
from mq.frame import HEADER_SIZE, encode

INGEST_HWM, LIVE_HWM = 4_000, 10_000
_MOMENT = Struct("<Q")


def raw() -> None:
    """Do nothing but pass on: what pyzmq gives between a PULL and an XPUB."""
    context: Context = zmq.Context()
    pull, live = context.socket(zmq.PULL), context.socket(zmq.XPUB)
    pull.rcvhwm, live.sndhwm = INGEST_HWM, LIVE_HWM
    ports = [socket.bind_to_random_port("tcp://127.0.0.1") for socket in (pull, live)]
    say(f"ready ingest=tcp://127.0.0.1:{ports[0]} live=tcp://127.0.0.1:{ports[1]}")
    receive, send = pull.recv, live.send
    while True:
        send(receive())


def push(ingest: str, frames: str, topics: str) -> None:
    """Push so many frames as fast as they are taken, round robin over topics, after a line on standard input."""
    context: Context = zmq.Context()
    socket = context.socket(zmq.PUSH)
    socket.sndhwm = INGEST_HWM
    socket.connect(ingest)
    names = [f"host/node{number}/cpu" for number in range(int(topics))]
    ready = [encode(name, [RECORD], produced=time.time_ns()) for name in names]
    for frame in ready:
        socket.send(frame)
    wait_for_go()
    send, width = socket.send, len(ready)
    for number in range(int(frames)):
        send(ready[number % width])
    report(pushed=int(frames))
    socket.close()
    context.term()


def subscribe(live: str, warm: str, frames: str) -> None:
    """Hear the warming frames, say so, then time so many more, or as many as come before a silence."""
    context: Context = zmq.Context()
    socket = subscribed(context, live)
    for _ in range(int(warm)):
        socket.recv()
    say("warm")
    receive = socket.recv
    receive()
    started = last = time.monotonic()
    heard = 1
    socket.rcvtimeo = SILENCE_MS
    try:
        for heard in range(2, int(frames) + 1):  # noqa: B007 - read after the loop
            receive()
        last = time.monotonic()
    except zmq.Again:
        last = time.monotonic() - SILENCE_MS / 1000
    report(heard=heard, seconds=last - started)
    socket.close()
    context.term()


def pace(ingest: str, rate: str, frames: str) -> None:
    """Push so many frames a second, each with the moment it was sent."""
    context: Context = zmq.Context()
    socket = context.socket(zmq.PUSH)
    socket.connect(ingest)
    wait_for_go()
    step, due = 1 / float(rate), time.monotonic()
    for _ in range(int(frames)):
        due += step
        time.sleep(max(0.0, due - time.monotonic()))
        body = _MOMENT.pack(time.monotonic_ns()).ljust(len(RECORD), b"x")
        socket.send(encode("host/node0/cpu", [body], produced=time.time_ns()))
    socket.close()
    context.term()


def stopwatch(live: str, frames: str) -> None:
    """Hear so many paced frames and report how long each was under way, in microseconds."""
    context: Context = zmq.Context()
    socket = subscribed(context, live)
    say("ready")
    taken = []
    for _ in range(int(frames)):
        frame = socket.recv()
        (sent,) = _MOMENT.unpack_from(frame, frame.find(0) + 1 + HEADER_SIZE)
        taken.append((time.monotonic_ns() - sent) / 1000)
    report(microseconds=taken)
    socket.close()
    context.term()
