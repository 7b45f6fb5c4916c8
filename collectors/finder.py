"""Where a broker takes samples: asks its control port, for as long and as often as it takes."""

from __future__ import annotations

import time

from mq.client.endpoint import beside
from mq.client.link import Link
from mq.protocol import Hello, Welcome

ASK_AGAIN_S = 5.0
_QUESTION = 1


class Finder:
    """Asks on a new connection each time: on one that nobody answers questions would only pile up."""

    def __init__(self, broker: str) -> None:
        self._broker = broker
        self._link: Link | None = None
        self._ask_again = 0.0

    def look(self, wait_s: float) -> str | None:
        """Return the ingest endpoint, None when there is no answer within `wait_s` seconds.

        Raises what the broker refuses, and `BadEndpoint`.
        """
        now = time.monotonic()
        link = self._link if self._link is not None and now < self._ask_again else self._ask(now)
        welcome = link.receive(Welcome, _QUESTION, wait_s)
        return None if welcome is None else beside(self._broker, welcome, welcome.ingest)

    def close(self) -> None:
        """Let go of what was asked."""
        if self._link is not None:
            self._link.close()
            self._link = None

    def _ask(self, now: float) -> Link:
        self.close()
        self._ask_again = now + ASK_AGAIN_S
        link = self._link = Link(self._broker)
        link.send(Hello(_QUESTION))
        return link
