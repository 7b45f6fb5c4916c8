"""Serving: bind, say so, answer until a signal, end cleanly."""

from __future__ import annotations

import errno
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from mq.errors import BadEndpoint, PortTaken
from mq.gateway.app import application
from mq.gateway.connection import BoundedConfig, BoundedConnection
from mq.gateway.gateway import Gateway

BACKLOG = 512
END_S_MAX = 5
SOCKET_MESSAGE_BYTES_MAX = 64 << 10
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def bind(address: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 picks one. Raises `PortTaken`, `BadEndpoint`."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # by this asyncio knows to send at once
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((address, port))
    except OSError as error:
        made.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(f"{address}:{port}", "--port") from None
        raise BadEndpoint(f"--address {address} --port {port}: {error.strerror}") from None
    return made


def url_of(bound: socket.socket) -> str:
    """Return where it answers."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(gateway: Gateway, bound: socket.socket, ready: Callable[[], None]) -> None:
    """Answer until a signal; `ready` is called once it does."""
    limits = gateway.limits
    config = BoundedConfig(
        application(gateway),
        http=BoundedConnection,
        ws="wsproto",
        ws_max_size=SOCKET_MESSAGE_BYTES_MAX,
        loop="asyncio",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=round(limits.idle_s_max) or 1,
        timeout_graceful_shutdown=END_S_MAX,
    )
    config.limits = limits
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # what is sent to us is no reason for a line each
    try:
        Serving(config, gateway, ready).run(sockets=[bound])
    finally:
        gateway.close()


class Serving(uvicorn.Server):
    """uvicorn's server, that says when it is ready, and ends streams before it waits for what is open."""

    def __init__(self, config: uvicorn.Config, gateway: Gateway, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._gateway, self._ready = gateway, ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer."""
        await super().startup(sockets)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End streams, then all else."""
        self._gateway.streams.close()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take the signals that end us, and give them back: being told to end is no failure."""
        before = {each: signal.signal(each, self.handle_exit) for each in ENDING}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)
