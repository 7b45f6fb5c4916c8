"""Asks whether bytes get through: ``probing.py answer ADDRESS`` gives back what comes, ``probing.py ask ADDRESS`` asks.

Whoever asks is told on standard input to ``open`` a new connection or to ``try`` the one that it has, and says ``yes``
or ``no``.
"""

from __future__ import annotations

import socket
import sys
from contextlib import suppress
from threading import Thread

PORT = 7000
ANSWER_S_MAX = 1.0


def answer(address: str) -> None:
    """Give back what comes on any connection."""
    with socket.create_server((address, PORT)) as server:
        say("ready")
        while True:
            Thread(target=_echo, args=(server.accept()[0],), daemon=True).start()


def ask(address: str) -> None:
    """Do as told, until there is nothing more to do."""
    connection = socket.socket()
    for number, line in enumerate(sys.stdin):
        try:
            if line.strip() == "open":
                connection.close()
                connection = socket.create_connection((address, PORT), ANSWER_S_MAX)
            say("yes" if _gets_through(connection, f"{number:8}".encode()) else "no")
        except OSError:
            say("no")


def say(line: str) -> None:
    """Say a line to whoever started this."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _echo(connection: socket.socket) -> None:
    with suppress(OSError), connection:
        while received := connection.recv(64):
            connection.sendall(received)


def _gets_through(connection: socket.socket, wanted: bytes) -> bool:
    """Send, and read until this comes back: what was held up before may come first."""
    connection.sendall(wanted)
    connection.settimeout(ANSWER_S_MAX)
    while received := connection.recv(len(wanted)):
        if received == wanted:
            return True
    return False


if __name__ == "__main__":
    {"answer": answer, "ask": ask}[sys.argv[1]](sys.argv[2])
