"""The feed that all sessions of this process share: whoever asks first starts it, the server's end stops it."""

from __future__ import annotations

import os
import platform
import threading
from collections.abc import Callable, Mapping
from datetime import timedelta

import mq
from mq.config import BROKER_DEFAULT
from mq.topic import encode_topic, segment_of
from viewer.feed import Feed, Source, cpu_topic
from viewer.samples import SPAN_NS

HISTORY = timedelta(microseconds=SPAN_NS // 1_000) + timedelta(minutes=1)
"""Fetched on opening, by the broker's clock: the span that is shown, and what that clock may be away from a node's."""


def open_feed(environ: Mapping[str, str]) -> Feed:
    """Return a started feed of this node's CPU; the environment may name the node and the broker."""
    node = environ.get("NODE_NAME") or segment_of(platform.node())
    broker = environ.get("MINIMQ_BROKER") or BROKER_DEFAULT
    feed = Feed(node, broker, subscriber(broker, cpu_topic(node)))
    feed.start()
    return feed


def subscriber(broker: str, topic: str) -> Callable[[], Source]:
    """Return what opens the real source of a feed."""

    def subscribe() -> Source:
        encode_topic(topic)  # a node's name with a wildcard in it would else be taken for a pattern
        return mq.Subscriber(broker, topic, start=HISTORY)

    return subscribe


class Shared:
    """Holds one feed from the first `get` to `close`."""

    def __init__(self, start: Callable[[], Feed]) -> None:
        self._start = start
        self._lock = threading.Lock()
        self._feed: Feed | None = None

    def get(self) -> Feed:
        """Return the feed, started by the first who asks."""
        with self._lock:
            if self._feed is None:
                self._feed = self._start()
            return self._feed

    def close(self) -> None:
        """Stop the feed, if there is one."""
        with self._lock:
            if self._feed is not None:
                self._feed.close()
            self._feed = None


THE_FEED = Shared(lambda: open_feed(os.environ))
