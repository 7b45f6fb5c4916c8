"""Who comes and goes: connections made, ended, or given up in the handshake, counted by port.

That is all there is to know of a peer that says nothing, speaks another protocol, or sends what libzmq cuts off.
"""

from __future__ import annotations

import zmq
from zmq.utils.monitor import parse_monitor_message

from mq.broker.counters import Counters
from mq.broker.sockets import Sockets

EVENTS_A_TURN = 1_000
_KINDS = {
    zmq.EVENT_ACCEPTED: "accepted",
    zmq.EVENT_DISCONNECTED: "disconnected",
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL: "handshake_failed",
    zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL: "handshake_failed",
    zmq.EVENT_HANDSHAKE_FAILED_AUTH: "handshake_failed",
}


class Watch:
    """Reads libzmq's own events. Belongs to the thread that owns the sockets, and is closed before them."""

    def __init__(self, sockets: Sockets, counters: Counters) -> None:
        self._watched = sockets.by_port()
        self._counters = counters
        self.monitors = {
            socket.get_monitor_socket(sum(_KINDS)): port  # each event is one bit
            for port, socket in self._watched.items()
        }

    def take(self, monitor: zmq.Socket[bytes]) -> None:
        """Count what has happened on the port that this monitor watches."""
        port = self.monitors[monitor]
        try:
            for _ in range(EVENTS_A_TURN):
                event = parse_monitor_message(monitor.recv_multipart(zmq.NOBLOCK))["event"]
                self._counters.connections[port, _KINDS[zmq.Event(event)]] += 1
        except zmq.Again:
            return

    def close(self) -> None:
        """Let go."""
        for socket in self._watched.values():
            socket.disable_monitor()
        for monitor in self.monitors:
            monitor.close()
