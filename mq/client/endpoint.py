"""Endpoints of a broker, and sockets that connect to them, all with the same limits."""

from __future__ import annotations

import re
from typing import Any
from weakref import finalize

import zmq

from mq.errors import BadEndpoint
from mq.keepalive import SILENCE_MS_MAX, SILENCE_OF_A_FULL_BROKER_MS_MAX, watch_connections
from mq.protocol import HANDSHAKE_MS, Welcome

CONNECT_MS_MAX = 4_000  # left alone, a kernel waits longer and longer between its attempts: a minute, after a minute
RECONNECT_MS = 100
PORT_MAX = 65_535
RECONNECT_MS_MAX = 2_000

SILENCES_MS_MAX = {int(zmq.DEALER): SILENCE_MS_MAX, int(zmq.PUSH): SILENCE_OF_A_FULL_BROKER_MS_MAX}

Context = zmq.Context[zmq.Socket[bytes]]
_TCP = re.compile(r"tcp://(\[[0-9a-fA-F:.]+\]|[^:/\s]+):(\d{1,5})")


class OwnContext(Context):
    """Keeps hold of its sockets, to close them before it ends: else it would wait for them for ever.

    pyzmq's own knows them by weak references, which are gone when both are collected together.
    """

    _kept: list[zmq.Socket[bytes]]

    def __init__(self) -> None:
        super().__init__()
        self._kept = []

    def socket(self, *args: Any, **options: Any) -> zmq.Socket[bytes]:
        """Make a socket."""
        made = super().socket(*args, **options)
        self._kept = [each for each in self._kept if not each.closed] + [made]
        return made

    def end(self) -> None:
        """Close what is open, and end."""
        for each in self._kept:
            each.close(0)
        self.term()


def context_of(owner: object) -> Context:
    """Return a context that ends with its owner, also when nobody closes that. Not for one with a thread of its own."""
    context = OwnContext()
    finalize(owner, context.end)
    return context


def parse_endpoint(endpoint: str) -> tuple[str, int]:
    """Return the host and port of ``tcp://HOST:PORT``, or raise `BadEndpoint`."""
    found = _TCP.fullmatch(endpoint)
    if found is None or not 0 < int(found[2]) <= PORT_MAX:
        raise BadEndpoint(f"{endpoint!r} is not a broker's endpoint: use tcp://HOST:PORT, as tcp://127.0.0.1:5557")
    return found[1], int(found[2])


def beside(control: str, welcome: Welcome, port: int) -> str:
    """Return the endpoint of another of a broker's ports: on the host that was dialled, unless it names one."""
    return f"tcp://{welcome.host or parse_endpoint(control)[0]}:{port}"


def connect(
    context: Context, kind: int, endpoint: str, hwm: int = 1_000, *, immediate: bool = False
) -> zmq.Socket[bytes]:
    """Return a socket that connects, and reconnects, to an endpoint. libzmq adds a random part to each delay.

    With `immediate`, only a connection that stands takes messages.
    """
    parse_endpoint(endpoint)
    socket: zmq.Socket[bytes] = context.socket(kind)
    socket.linger = 0
    socket.immediate = immediate
    socket.ipv6 = "[" in endpoint
    socket.rcvhwm = hwm
    if kind != zmq.SUB:  # its subscriptions count there, and what is over would be dropped
        socket.sndhwm = hwm
    socket.handshake_ivl = HANDSHAKE_MS
    watch_connections(socket, SILENCES_MS_MAX.get(kind))
    socket.connect_timeout = CONNECT_MS_MAX
    socket.reconnect_ivl = RECONNECT_MS
    socket.reconnect_ivl_max = RECONNECT_MS_MAX
    try:
        socket.connect(endpoint)
    except zmq.ZMQError as error:
        socket.close()
        raise BadEndpoint(f"{endpoint}: {error.strerror}") from None
    return socket
