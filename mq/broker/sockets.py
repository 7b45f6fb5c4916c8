"""The broker's sockets: made, limited and bound in one place."""

from __future__ import annotations

import re
from dataclasses import dataclass

import zmq

from mq.config import Config
from mq.errors import BadEndpoint, PortTaken
from mq.keepalive import SILENCE_MS_MAX, watch_connections
from mq.protocol import HANDSHAKE_MS

LINGER_MS = 1_000
PORT_MAX = 65_535
ANSWERS_QUEUED_MAX = 100  # so many acknowledgements or small answers; large ones are bounded by `Unread`
SUBSCRIPTION_BYTES_MAX = 1_024

_ENDPOINT = re.compile(r"tcp://[^\s/]+:(\d{1,5}|\*)")


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where a broker listens: ZeroMQ endpoints, `ops` an HTTP one of the same form."""

    ingest: str = "tcp://127.0.0.1:5555"
    live: str = "tcp://127.0.0.1:5556"
    control: str = "tcp://127.0.0.1:5557"
    ops: str = "tcp://127.0.0.1:5558"


@dataclass(frozen=True, slots=True)
class Sockets:
    """Bound, and owned by the proxy's thread."""

    ingest: zmq.Socket[bytes]
    live: zmq.Socket[bytes]
    control: zmq.Socket[bytes]

    @classmethod
    def bind(cls, context: zmq.Context[zmq.Socket[bytes]], endpoints: Endpoints, config: Config) -> Sockets:
        """Make and bind them. Raises `PortTaken`, `BadEndpoint`."""
        ingest = context.socket(zmq.PULL)
        live = context.socket(zmq.PUB)  # an XPUB would keep all that subscribers say until it is read, without a bound
        control = context.socket(zmq.ROUTER)
        ingest.rcvhwm = config.ingest_messages_max
        live.sndhwm = config.live_messages_max
        live.xpub_nodrop = True  # a full queue is an error then, so it can be counted before the frame is dropped
        control.rcvhwm = config.control_messages_max
        control.sndhwm = min(config.control_messages_max, ANSWERS_QUEUED_MAX)
        control.router_mandatory = True
        for socket, option in ((ingest, "--ingest"), (live, "--live"), (control, "--control")):
            socket.linger = LINGER_MS
            socket.maxmsgsize = SUBSCRIPTION_BYTES_MAX if socket is live else config.wire_bytes_max
            socket.handshake_ivl = HANDSHAKE_MS
            watch_connections(socket, SILENCE_MS_MAX if socket is control else None)
            _bind(socket, getattr(endpoints, option[2:]), option)
        return cls(ingest, live, control)

    def endpoints(self) -> dict[str, str]:
        """Return what was bound, ports filled in."""
        return {port: _bound(socket) for port, socket in self.by_port().items()}

    def by_port(self) -> dict[str, zmq.Socket[bytes]]:
        """Return the sockets by the names of their ports."""
        return {"ingest": self.ingest, "live": self.live, "control": self.control}

    def close(self) -> None:
        """Close all."""
        for socket in self.by_port().values():
            socket.close()


def port_of(endpoint: str) -> int:
    """Return the port at the end of an endpoint."""
    return int(endpoint.rpartition(":")[2])


def refuse_port(endpoint: str, option: str) -> None:
    """Refuse a port that cannot be, of which the libraries below would silently take 16 bits. Raises `BadEndpoint`."""
    port = endpoint.rstrip("/").rpartition(":")[2]
    if port.isdecimal() and int(port) > PORT_MAX:
        raise BadEndpoint(f"{option} {endpoint}: a port is at most {PORT_MAX}")


def _bound(socket: zmq.Socket[bytes]) -> str:
    endpoint = socket.getsockopt(zmq.LAST_ENDPOINT)
    assert isinstance(endpoint, bytes)  # noqa: S101 - for the type checker: this option is never a number
    return endpoint.rstrip(b"\0").decode("ascii")


def _bind(socket: zmq.Socket[bytes], endpoint: str, option: str) -> None:
    if not _ENDPOINT.fullmatch(endpoint):
        raise BadEndpoint(f"{option} {endpoint}: use tcp://ADDRESS:PORT, with * as the port to have one picked")
    refuse_port(endpoint, option)
    socket.ipv6 = "[" in endpoint
    try:
        socket.bind(endpoint)
    except zmq.ZMQError as error:
        if error.errno == zmq.EADDRINUSE:
            raise PortTaken(endpoint, option) from None
        raise BadEndpoint(f"{option} {endpoint}: {error.strerror}") from None
