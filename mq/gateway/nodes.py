"""The names of nodes that have reported: in old messages on ``nodes``, and as ``host/<node>/<metric>``."""

from __future__ import annotations

import time
from threading import Lock

from mq.client.link import Link, heads_of
from mq.client.message import batch_of
from mq.errors import Rewound, Trimmed
from mq.frame import split
from mq.gateway.bodies import text_of
from mq.gateway.names import METRICS, NODES
from mq.protocol import Fetch, Frames, HeadList, Heads
from mq.topic import TOPIC_BYTES_MAX

FRESH_S = 0.5
CREDIT_BYTES = 256 << 10
PATTERNS = [f"host/+/{metric}" for metric in METRICS]


class Nodes:
    """Used by any reader. What was said on ``nodes`` is read once, and gone on with."""

    def __init__(self, nodes_max: int) -> None:
        self._nodes_max = nodes_max
        self._lock = Lock()
        self._said: dict[str, None] = {}
        self._next = 0
        self._epoch: int | None = None
        self._names: list[str] = []
        self._at = float("-inf")

    def look(self, link: Link) -> list[str]:
        """Return the names, each once, sorted; those of half a second ago will do."""
        with self._lock:
            if time.monotonic() - self._at > FRESH_S:
                self._listen(link)
                self._names = sorted({*self._said, *self._reporting(link)})[: self._nodes_max]
                self._at = time.monotonic()
            return self._names

    def _reporting(self, link: Link) -> set[str]:
        names: set[str] = set()
        after: str | None = None
        while len(names) < self._nodes_max:
            reply = link.ask(Heads(link.number(), PATTERNS, 0, after), HeadList)
            names.update(topic.split("/")[1] for topic, _, _ in heads_of(reply))
            after = reply.after
            if after is None:
                break
        return names

    def _listen(self, link: Link) -> None:
        """Take in what was announced since the last time."""
        while True:
            try:
                reply = link.ask(Fetch(link.number(), NODES, self._next, self._epoch, CREDIT_BYTES), Frames)
            except Trimmed as error:
                self._next, self._epoch = error.first_kept, None
                continue
            except Rewound:
                self._next, self._epoch = 0, None
                self._said.clear()
                continue
            self._take(reply)
            if self._next >= reply.end:
                return

    def _take(self, reply: Frames) -> None:
        for frame in split(reply.frames):
            for body in batch_of(frame).records:
                name = text_of(body) if len(body) <= TOPIC_BYTES_MAX else None
                if name and len(self._said) < self._nodes_max:
                    self._said[name] = None
        self._next, self._epoch = reply.next, reply.epoch
