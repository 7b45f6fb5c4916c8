"""Answering from the journal, off the proxy's thread.

A fetch is answered slice by slice, and goes to the back of the queue after each, so that who asks for much does not
hold up who asks for little. Who does not take what it was sent waits until it has, and holds up nobody else.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from queue import SimpleQueue
from typing import NamedTuple

from mq.broker.control import Job
from mq.broker.ledger import Ledger
from mq.broker.parked import Parked
from mq.broker.produced import Client
from mq.broker.unread import Lent, Unread
from mq.broker.worker import Died, worker
from mq.config import Config
from mq.errors import Rewound, Trimmed
from mq.journal.interface import Journal
from mq.protocol import (
    AccountList,
    Accounts,
    Control,
    Failure,
    Fetch,
    Frames,
    HeadList,
    Heads,
    Last,
    LastFrames,
    OffsetAt,
    OffsetFound,
    TopicList,
    Topics,
)
from mq.topic import Pattern

_log = logging.getLogger(__name__)

ROW_BYTES = 128  # what a row takes, roughly
Answer = tuple[Control, Fetch | None]


class Taken(NamedTuple):
    """So much of what was sent to a client is not held here any more."""

    client: Client
    size: int


def answer(
    journal: Journal, ledger: Ledger, request: Control, config: Config, epoch: int | None = None, size: int = 0
) -> Answer:
    """Return the answer to a request, and what is left of it to ask; `epoch` is as in `Job`.

    The answer has about `size` bytes at most, or, by default, as many as a slice.
    """
    size = size or config.fetch_slice_bytes
    try:
        if isinstance(request, Fetch):
            return _fetch(journal, request, config, epoch, size)
        return _look_up(journal, ledger, request, size), None
    except Rewound as error:
        facts = {"topic": error.topic, "wanted": error.wanted, "end": error.end}
        return Failure(request.id, "rewound", str(error), facts), None
    except Trimmed as error:
        facts = {"topic": error.topic, "wanted": error.wanted, "first_kept": error.first_kept}
        return Failure(request.id, "trimmed", str(error), facts), None
    except OSError as error:
        _log.error("%s: %s", error.filename, error.strerror)
        return Failure(request.id, "failed", f"the journal cannot be read: {error.strerror}"), None
    except Exception:  # noqa: BLE001 - one request that meets a bug must not end the answering of all others
        _log.exception("a bug: %s cannot be answered", request.OP)
        return Failure(request.id, "failed", "the broker has a bug; its log says more"), None


def _fetch(journal: Journal, request: Fetch, config: Config, epoch: int | None, size: int) -> Answer:
    """Return the next slice. Before a gap the answer ends, and whoever asks on gets what is behind it.

    In the middle of an answer a gap could not be told from a slice that was dropped on its way.
    """
    credit = min(request.credit, config.fetch_credit_bytes_max)
    found = journal.read(request.topic, request.offset, request.epoch, min(credit, size))
    if found.lost is not None and epoch is not None:
        return Frames(request.id, request.topic, b"", request.offset, epoch, found.end), None
    left = credit - len(found.frames)
    more = left > 0 and found.next < found.end
    frames = Frames(request.id, request.topic, found.frames, found.next, found.epoch, found.end, more, found.lost)
    return frames, replace(request, offset=found.next, epoch=None, credit=left) if more else None


def _look_up(journal: Journal, ledger: Ledger, request: Control, size: int) -> Control:
    rows = max(1, size // ROW_BYTES)
    if isinstance(request, OffsetAt):
        return OffsetFound(request.id, request.topic, journal.offset_at(request.topic, request.time))
    if isinstance(request, Last):
        frames, after = journal.last(_patterns(request.patterns), request.after, size)
        return LastFrames(request.id, frames, after)
    if isinstance(request, Heads):
        heads, token, after = journal.heads(_patterns(request.patterns), request.since, request.after, rows)
        return HeadList(request.id, [list(head) for head in heads], token, after, time.time_ns())
    if isinstance(request, Topics):
        topics, after = journal.topics(_patterns(request.patterns), request.after, rows)
        return TopicList(request.id, [list(topic) for topic in topics], after)
    if isinstance(request, Accounts):
        accounts, after = ledger.page(_patterns(request.patterns), request.after, rows)
        return AccountList(request.id, [list(account) for account in accounts], after)
    raise AssertionError(f"no job is made of {request.OP}")


def _patterns(texts: list[str]) -> list[Pattern]:
    return [Pattern.parse(text) for text in texts]


class Reader:
    """Owns the reading side from `start` to `stop`.

    `deliver` is called with each answer, `died` with the error that ends the thread, both on this thread.
    """

    def __init__(
        self,
        journal: Journal,
        ledger: Ledger,
        config: Config,
        deliver: Callable[[Job, bytes, bool], None],
        died: Died,
    ) -> None:
        self._journal = journal
        self._ledger = ledger
        self._config = config
        self._deliver = deliver
        self._unread = Unread(config.unread_bytes_max)
        self._parked = Parked(lambda client: self._room(client) > 0)
        self._items: SimpleQueue[Job | Taken | None] = SimpleQueue()
        self._stopping = False
        self._thread = worker("reader", self._run, died)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Hand a job over. How many wait is for the caller to bound."""
        self._items.put(job)

    def stop(self) -> None:
        """End after what is under way; what still waits is left unanswered."""
        self._stopping = True
        self._items.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (item := self._items.get()) is not None and not self._stopping:
            if isinstance(item, Job):
                self._serve(item)
            else:
                self._take_back(item)

    def _serve(self, job: Job) -> None:
        """Answer a job, or its next slice, if its client may be sent something now."""
        size = self._room(job.client)
        if size:
            self._answer(job, size)
        else:
            self._parked.put(job)

    def _answer(self, job: Job, size: int) -> None:
        reply, rest = answer(self._journal, self._ledger, job.request, self._config, job.epoch, size)
        packed = reply.encode()
        size = len(packed)
        self._unread.lend(job.client, size)
        self._deliver(job, Lent(packed, partial(self._items.put, Taken(job.client, size))), rest is None)
        if rest is not None and isinstance(reply, Frames):
            self._items.put(Job(job.client, rest, reply.epoch))

    def _take_back(self, taken: Taken) -> None:
        self._unread.taken(taken.client, taken.size)
        job = self._parked.next(taken.client)
        if job is not None:
            self._serve(job)

    def _room(self, client: Client) -> int:
        return self._unread.room(client, self._config.fetch_slice_bytes)
