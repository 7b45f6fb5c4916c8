"""Answers on their way to clients: sent, kept for a while, or dropped and counted. Belongs to the socket's thread."""

from __future__ import annotations

import zmq

from mq.broker.counters import Counters
from mq.broker.outbox import Outbox
from mq.broker.produced import Client
from mq.broker.unread import Lent

OUTBOX_BYTES_MAX = 16 << 20
OUTBOX_CLIENT_BYTES_MAX = 4 << 20
KEPT_ANSWER_BYTES_MAX = 64 << 10  # what is larger is a slice of a fetch, and can be asked for again


class Replies:
    """Sends on control. True while some wait for room in their client's queue."""

    def __init__(self, control: zmq.Socket[bytes], counters: Counters) -> None:
        self._control = control
        self._counters = counters
        self._outbox = Outbox(OUTBOX_BYTES_MAX, OUTBOX_CLIENT_BYTES_MAX)
        counters.gauges["outbox_bytes"] = lambda: self._outbox.size

    def __bool__(self) -> bool:
        return bool(self._outbox)

    def send(self, client: Client, message: bytes, *, keep: bool = False) -> None:
        """Send an answer. One that finds no room is kept for later if it is small, or must be; else it is dropped."""
        keep = keep or len(message) <= KEPT_ANSWER_BYTES_MAX
        if keep and self._outbox.holds(client):
            sent = self._outbox.keep(client, message)
        else:
            sent = self._try_to_send(client, message) or (keep and self._outbox.keep(client, message))
        if not sent:
            self._counters.replies_dropped += 1

    def flush(self) -> None:
        """Send what was kept, as far as there is room now."""
        self._outbox.flush(self._try_to_send)

    def _try_to_send(self, client: Client, message: bytes) -> bool:
        """Return whether an answer is done with: sent, or dropped and counted because its client is gone."""
        body = zmq.Frame(message, copy=False) if isinstance(message, Lent) else message
        try:
            self._control.send_multipart([client, body], zmq.NOBLOCK, copy=False)
        except zmq.ZMQError as error:
            if error.errno not in (zmq.EHOSTUNREACH, zmq.EAGAIN):
                raise
            if error.errno == zmq.EAGAIN:
                return False
            self._counters.replies_dropped += 1
        return True
