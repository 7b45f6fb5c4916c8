"""Whether a port is free, asked before a child process stumbles over it."""

from __future__ import annotations

import errno
import socket

from mq.errors import BadEndpoint, PortTaken


def refuse_taken(address: str, port: int, option: str) -> None:
    """Raise `PortTaken` when another program listens there, `BadEndpoint` when nobody can."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
            probe.listen()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortTaken(f"{address}:{port}", option) from None
            raise BadEndpoint(f"{option} {address}:{port}: {error.strerror}") from None
