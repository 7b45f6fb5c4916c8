"""The programs that a measure runs, each in a process of its own: ``python -m bench.workers NAME ARGUMENT...``.

Each says a line when it is ready and a line of JSON when it is done. Times are of the system's monotonic clock, which
processes share.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from struct import Struct
from tempfile import TemporaryDirectory

import zmq

from mq.frame import HEADER_SIZE, check, encode, stamp

RECORD_BYTES = 100
INGEST_HWM, LIVE_HWM = 4_000, 10_000
SILENCE_MS = 3_000
_MOMENT = Struct("<Q")

Context = zmq.Context[zmq.Socket[bytes]]


def raw() -> None:
    """Do nothing but pass on: what pyzmq gives between a PULL and an XPUB."""
    context: Context = zmq.Context()
    pull, live = context.socket(zmq.PULL), context.socket(zmq.XPUB)
    pull.rcvhwm, live.sndhwm = INGEST_HWM, LIVE_HWM
    ports = [socket.bind_to_random_port("tcp://127.0.0.1") for socket in (pull, live)]
    _say(f"ready ingest=tcp://127.0.0.1:{ports[0]} live=tcp://127.0.0.1:{ports[1]}")
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
    ready = [encode(name, [b"x" * RECORD_BYTES], produced=time.time_ns()) for name in names]
    for frame in ready:
        socket.send(frame)
    _say("ready")
    sys.stdin.readline()
    send, width = socket.send, len(ready)
    for number in range(int(frames)):
        send(ready[number % width])
    _say(json.dumps({"pushed": int(frames)}))
    socket.close()
    context.term()


def subscribe(live: str, warm: str, frames: str) -> None:
    """Hear the warming frames, say so, then time so many more, or as many as come before a silence."""
    context: Context = zmq.Context()
    socket = _subscribed(context, live)
    for _ in range(int(warm)):
        socket.recv()
    _say("warm")
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
    _say(json.dumps({"heard": heard, "seconds": last - started}))
    socket.close()
    context.term()


def pace(ingest: str, rate: str, frames: str) -> None:
    """Push so many frames a second, each with the moment it was sent."""
    context: Context = zmq.Context()
    socket = context.socket(zmq.PUSH)
    socket.connect(ingest)
    _say("ready")
    sys.stdin.readline()
    step, due = 1 / float(rate), time.monotonic()
    for _ in range(int(frames)):
        due += step
        time.sleep(max(0.0, due - time.monotonic()))
        body = _MOMENT.pack(time.monotonic_ns()).ljust(RECORD_BYTES, b"x")
        socket.send(encode("host/node0/cpu", [body], produced=time.time_ns()))
    socket.close()
    context.term()


def stopwatch(live: str, frames: str) -> None:
    """Hear so many paced frames and report how long each was under way, in microseconds."""
    context: Context = zmq.Context()
    socket = _subscribed(context, live)
    _say("ready")
    taken = []
    for _ in range(int(frames)):
        frame = socket.recv()
        (sent,) = _MOMENT.unpack_from(frame, frame.find(0) + 1 + HEADER_SIZE)
        taken.append((time.monotonic_ns() - sent) / 1000)
    _say(json.dumps({"microseconds": taken}))
    socket.close()
    context.term()


def write(batch: str, seconds: str) -> None:
    """Y: encode, checksum, stamp and write frames, and sync each second; no sockets, one thread."""
    records = [b"x" * RECORD_BYTES] * int(batch)
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
    _say(json.dumps({"records": offset, "seconds": now - started}))


def _subscribed(context: Context, live: str) -> zmq.Socket[bytes]:
    """Return a SUB that is known to hear: connected, and its subscription under way before anything is pushed."""
    socket = context.socket(zmq.SUB)
    socket.rcvhwm = 0
    monitor = socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
    socket.subscribe(b"")
    socket.connect(live)
    monitor.recv_multipart()
    socket.disable_monitor()
    monitor.close()
    _say("connected")
    return socket


def _say(line: str) -> None:
    print(line, flush=True)


PROGRAMS: dict[str, Callable[..., None]] = {
    "raw": raw,
    "push": push,
    "subscribe": subscribe,
    "pace": pace,
    "stopwatch": stopwatch,
    "write": write,
}

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    PROGRAMS[sys.argv[1]](*sys.argv[2:])
