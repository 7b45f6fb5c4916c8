"""What several of the programs need."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

import zmq

RECORD = b"x" * 100
WARM, NOTES, END = "warm", "notes", "end"
SILENCE_MS = 3_000

Context = zmq.Context[zmq.Socket[bytes]]


def say(line: str) -> None:
    """Say a line to whoever started this."""
    print(line, flush=True)


def report(**found: object) -> None:
    """Say what was found."""
    say(json.dumps(found))


def report_each(do: Callable[[], object], rounds: int) -> None:
    """Do it so many times, and report how long each takes, in microseconds."""
    taken = []
    for _ in range(rounds):
        started = time.perf_counter_ns()
        do()
        taken.append((time.perf_counter_ns() - started) / 1000)
    report(microseconds=taken)


def wait_for_go() -> None:
    """Say that this is ready, and wait for a line."""
    say("ready")
    sys.stdin.readline()


def subscribed(context: Context, live: str) -> zmq.Socket[bytes]:
    """Return a SUB that is known to hear: connected, and its subscription under way before anything is pushed."""
    socket = context.socket(zmq.SUB)
    socket.rcvhwm = 0
    monitor = socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
    socket.subscribe(b"")
    socket.connect(live)
    monitor.recv_multipart()
    socket.disable_monitor()
    monitor.close()
    say("connected")
    return socket
