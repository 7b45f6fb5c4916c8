"""The frames of many nodes, as their collectors would send them."""

from __future__ import annotations

import time
from itertools import cycle

import zmq

from bench.workers.parts import END, RECORD, WARM, Context, report, wait_for_go
from mq.frame import encode

CONNECTIONS = 100
TICKS_A_SECOND = 100
SELDOM_S = 5


def simulate(ingest: str, nodes: str, seconds: str) -> None:
    """Push the first frames of all topics, and when told to, what they give in so many seconds.

    Each node gives its cpu every second, its mem and disk every fifth, spread evenly over the second and over a number
    of connections. Report how many frames were pushed in each part. One frame before and, when told to, one behind them
    all tell a subscriber when it has all.
    """
    context: Context = zmq.Context()
    sockets = [context.socket(zmq.PUSH) for _ in range(CONNECTIONS)]
    for socket in sockets:
        socket.connect(ingest)
    sockets[0].send(encode(WARM, [RECORD], produced=time.time_ns()))
    for part in (SELDOM_S, int(seconds)):
        wait_for_go()
        report(pushed=_push_for(sockets, int(nodes), part))
    wait_for_go()
    sockets[0].send(encode(END, [RECORD], produced=time.time_ns()))
    for socket in sockets:
        socket.close()
    context.term()


def _push_for(sockets: list[zmq.Socket[bytes]], nodes: int, seconds: int) -> int:
    """Push what is due in each tick, for so many seconds, and return how many frames that were."""
    started = time.monotonic()
    pushed = 0
    for tick in range(seconds * TICKS_A_SECOND):
        time.sleep(max(0.0, started + tick / TICKS_A_SECOND - time.monotonic()))
        for topic, socket in zip(_topics(nodes, *divmod(tick, TICKS_A_SECOND)), cycle(sockets), strict=False):
            socket.send(encode(topic, [RECORD], produced=time.time_ns()))
            pushed += 1
    time.sleep(max(0.0, started + seconds - time.monotonic()))
    return pushed


def _topics(nodes: int, second: int, tick: int) -> list[str]:
    """Return the topics that get a frame in this tick of this second."""
    topics = []
    for node in range(nodes * tick // TICKS_A_SECOND, nodes * (tick + 1) // TICKS_A_SECOND):
        topics.append(f"host/node{node}/cpu")
        if node % SELDOM_S == second % SELDOM_S:
            topics += [f"host/node{node}/mem", f"host/node{node}/disk"]
    return topics
