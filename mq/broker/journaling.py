"""The journaling thread: turns come in, what they came to goes out, and the journal is synced when it is due.

At once where a durable acknowledgement waits (what arrives during one sync shares the next), else every
`sync_interval_s`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue

from mq.broker.intake import Done, Intake, Turn
from mq.broker.telling import Telling
from mq.broker.worker import Died, worker
from mq.errors import JournalError
from mq.journal.interface import Journal

_log = logging.getLogger(__name__)


class Journaling:
    """Owns the journal's writing side from `start` to `stop`.

    `deliver` is called with each result, `died` with the error that ends the thread, both on this thread.
    """

    def __init__(
        self,
        journal: Journal,
        intake: Intake,
        telling: Telling,
        sync_interval_s: float,
        deliver: Callable[[Done, bool], None],
        died: Died,
    ) -> None:
        self._journal = journal
        self._intake = intake
        self._telling = telling
        self._interval = sync_interval_s
        self._deliver = deliver
        self._inbox: SimpleQueue[Turn | None] = SimpleQueue()
        self._thread = worker("journaling", self._run, died)
        self._next_checkpoint = 0.0

    def start(self) -> None:
        """Begin."""
        self._next_checkpoint = time.monotonic() + self._interval
        self._thread.start()

    def submit(self, turn: Turn) -> None:
        """Hand a turn over. How many are under way is for the caller to bound."""
        self._inbox.put(turn)

    @property
    def alive(self) -> bool:
        """Whether what is submitted will come back."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Finish what was submitted, sync, and end."""
        self._inbox.put(None)
        self._thread.join()

    def _run(self) -> None:
        while True:
            try:
                turn = self._inbox.get(timeout=max(0.0, self._next_checkpoint - time.monotonic()))
            except Empty:
                self._checkpoint()
                self._tell()
                continue
            if turn is None:
                self._checkpoint()
                return
            self._deliver(self._intake.take(turn), True)
            if time.monotonic() >= self._next_checkpoint:
                self._checkpoint()
                self._tell()
            elif self._intake.durable_waiting:
                self._sync(self._journal.sync)

    def _checkpoint(self) -> None:
        """Sync all there is. The next one begins so early that, should it take twice as long, it ends in time.

        Where that leaves too little, there is as much time to take frames as the disk takes.
        """
        began = time.monotonic()
        self._sync(self._journal.checkpoint)
        ended = time.monotonic()
        self._journal.tidy()
        self._intake.step()
        took = ended - began
        self._next_checkpoint = max(ended + max(self._interval - 2 * took, took), time.monotonic())

    def _tell(self) -> None:
        """Tell the broker's figures, when that is due. The next sync makes them durable."""
        live = self._telling.tell()
        if live:
            self._deliver(Done(live, []), False)

    def _sync(self, how: Callable[[], None]) -> None:
        if self._journal.failure is None:
            try:
                how()
            except JournalError as error:
                _log.critical("%s", error)
        if self._journal.failure is None:
            replies = self._intake.synced()
        else:
            replies = self._intake.sync_failed(self._journal.failure)
        if replies:
            self._deliver(Done([], replies), False)
