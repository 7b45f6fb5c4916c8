"""The feed that all sessions of this process share: whoever asks first starts it, the server's end stops it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta

import mq
from mq.config import BROKER_DEFAULT
from viewer.feed import PATTERNS, Feed, Message, Source
from viewer.past import Recorded, past_of
from viewer.series import SPAN_NS

HISTORY = timedelta(microseconds=SPAN_NS // 1_000) + timedelta(minutes=1)
"""Fetched on opening, by the broker's clock: the span that is shown, and what that clock may be away from a node's."""
LAST_S_MAX = 3.0


def open_feed(environ: Mapping[str, str]) -> Feed:
    """Return a started feed; the environment may name the broker, or a capsule to be shown instead."""
    capsule = environ.get("MINIMQ_CAPSULE")
    feed = _recorded(capsule) if capsule else _live(environ)
    feed.start()
    return feed


def _recorded(path: str) -> Feed:
    past = past_of(path)
    return Feed(past.name, lambda: Recorded(path, past), last=tuple, past=past)


def _live(environ: Mapping[str, str]) -> Feed:
    broker = environ.get("MINIMQ_BROKER") or BROKER_DEFAULT

    def subscribe() -> Source:
        return mq.Subscriber(broker, PATTERNS, start=HISTORY)

    def last() -> Iterable[Message]:
        return mq.last_values(broker, PATTERNS, timeout_s=LAST_S_MAX)

    return Feed(broker, subscribe, last)


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
