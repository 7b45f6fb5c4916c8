"""Whether the broker is there: asked each second, so that nobody waits for one that is known to be away."""

from __future__ import annotations

import time
from threading import Event, Thread

from mq.client.link import Link
from mq.errors import MqError, Unreachable
from mq.protocol import HeadList, Heads

EVERY_S = 0.5
ANSWER_S_MAX = 2.0
NO_TOPIC = "gateway-asks-the-time"
CLOSE_S_MAX = 5.0


class Presence:
    """`fault` says what is wrong with the broker, empty when nothing is."""

    def __init__(self, broker: str) -> None:
        self.broker = broker
        self.fault = ""
        self._since = 0.0
        self._ahead_ns = 0
        self._stop = Event()
        self._link = Link(broker, ANSWER_S_MAX)
        self._thread = Thread(target=self._run, name="presence", daemon=True)
        self._thread.start()

    def refuse_if_away(self) -> None:
        """Raise `Unreachable` at once where waiting would be in vain."""
        if self.fault:
            raise Unreachable(self.broker, round(time.monotonic() - self._since + ANSWER_S_MAX, 1))

    def now(self) -> int:
        """Return the time by the broker's clock, as far as that is known, in ns since the Unix epoch."""
        return time.time_ns() + self._ahead_ns

    def close(self) -> None:
        """Ask no more."""
        self._stop.set()
        self._thread.join(CLOSE_S_MAX)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                reply = self._link.ask(Heads(self._link.number(), [NO_TOPIC]), HeadList)
                self._ahead_ns = reply.time - time.time_ns() if reply.time else 0
                self.fault = ""
            except MqError as error:
                self._since = self._since if self.fault else time.monotonic()
                self.fault = str(error)
            self._stop.wait(EVERY_S)
        self._link.close()
