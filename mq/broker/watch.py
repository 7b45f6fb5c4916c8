"""Who comes and goes: connections made, ended, or given up in the handshake, counted by port.

That is all there is to know of a peer that says nothing, speaks another protocol, or sends what libzmq cuts off.
"""

from __future__ import annotations

import zmq
from zmq.utils.monitor import parse_monitor_message

from mq.broker.counters import Counters
from mq.broker.sockets import Sockets

EVENTS_WAITING_MAX = 100_000  # libzmq's own thread waits when there are more, and with it all connections
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
        self.monitors = {_monitor(socket, port): port for port, socket in self._watched.items()}

    def take(self, monitor: zmq.Socket[bytes]) -> None:
        """Count what has happened on the port that this monitor watches."""
        port = self.monitors[monitor]
        try:
            for _ in range(EVENTS_WAITING_MAX):
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


def _monitor(socket: zmq.Socket[bytes], port: str) -> zmq.Socket[bytes]:
    """Return where the events of a socket arrive."""
    address = f"inproc://monitor-{port}"
    socket.monitor(address, sum(_KINDS))  # each event is one bit
    monitor: zmq.Socket[bytes] = socket.context.socket(zmq.PAIR)
    monitor.rcvhwm = EVENTS_WAITING_MAX
    monitor.linger = 0
    monitor.connect(address)
    return monitor
