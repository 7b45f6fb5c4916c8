"""Peers in processes of their own, raw as in ``raw_wire.py``: python raw_peer.py push|subscribe|chatter ENDPOINT.

Each prints a line when it is under way, and goes on until it is killed.
"""

from __future__ import annotations

import sys
from itertools import count

import zmq
from raw_wire import make

TOPICS = [b"load/%d" % number for number in range(7)]
HWM = 1_000


def push(socket: zmq.Socket[bytes]) -> None:
    """Push numbered records to several topics as fast as they are taken; each names itself in its body."""
    for number in count():
        for producer, topic in enumerate(TOPICS, 1):
            socket.send(make(topic, b"%d" % number, producer=producer, sequence=number))
        if number == 0:
            say("pushing")


def subscribe(socket: zmq.Socket[bytes]) -> None:
    """Read one frame, and then nothing until whoever started this has seen to it."""
    socket.subscribe(b"")
    socket.recv()
    say("subscribed")
    sys.stdin.read()


def chatter(socket: zmq.Socket[bytes]) -> None:
    """Send to live what is neither a subscription nor of use to anybody."""
    socket.send(b"\1")
    socket.recv()
    say("chattering")
    while True:
        socket.send(b"chatter")


def say(line: str) -> None:
    """Tell whoever started this."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


KINDS = {"push": (zmq.PUSH, push), "subscribe": (zmq.SUB, subscribe), "chatter": (zmq.XSUB, chatter)}

if __name__ == "__main__":
    kind, run = KINDS[sys.argv[1]]
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    peer = context.socket(kind)
    peer.set_hwm(HWM)
    peer.connect(sys.argv[2])
    run(peer)
