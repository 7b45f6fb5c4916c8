"""Where the event loop meets the threads that talk to the broker: a bounded queue, and one answer for each question.

The loop asks and goes on with others; a thread takes all that waits at once, as far as it does so many, and answers.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from threading import Condition, Thread
from typing import Generic, Protocol, TypeVar

from mq.errors import Closed, MqError

Job = TypeVar("Job")
Answer = TypeVar("Answer")
CLOSE_S_MAX = 10.0

_log = logging.getLogger(__name__)


class Overloaded(MqError):
    """More is asked than can be answered: later it may be less."""

    def __init__(self, what: str, setting: str, limit: int) -> None:
        self.setting = setting
        super().__init__(f"{what}: {setting} is {limit:,}; ask again a little later")


class Asked(Generic[Job, Answer]):
    """A question that waits for its answer. Only the first answer counts."""

    def __init__(self, job: Job, loop: asyncio.AbstractEventLoop) -> None:
        self.job = job
        self._loop = loop
        self.future: asyncio.Future[Answer] = loop.create_future()

    def answer(self, it: Answer) -> None:
        """Give the answer, from any thread."""
        with suppress(RuntimeError):  # the loop has ended, and nobody waits any more
            self._loop.call_soon_threadsafe(self._answered, it)

    def fail(self, error: MqError) -> None:
        """Say that there is none."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._failed, error.with_traceback(None))

    def _answered(self, it: Answer) -> None:
        if not self.future.done():
            self.future.set_result(it)

    def _failed(self, error: MqError) -> None:
        if not self.future.done():
            self.future.set_exception(error)


class Worker(Protocol[Job, Answer]):
    """What answers, in a thread of its own; ``serve`` is called with nothing too, when `idle_s` have passed."""

    def serve(self, questions: Sequence[Asked[Job, Answer]]) -> None:
        """Answer each, now or in a later call."""

    def close(self) -> None:
        """Let go of what it holds."""


class Pool(Generic[Job, Answer]):
    """Hands questions to workers: to whichever has time, at most `turn_max` at once."""

    def __init__(
        self,
        name: str,
        workers: Sequence[Worker[Job, Answer]],
        *,
        waiting_max: int,
        turn_max: int,
        idle_s: float = 3600,
    ) -> None:
        self._name = name
        self._waiting_max, self._turn_max, self._idle_s = waiting_max, turn_max, idle_s
        self._waiting: deque[Asked[Job, Answer]] = deque()
        self._changed = Condition()
        self._ending = False
        self._threads = [Thread(target=self._run, args=(worker,), name=name, daemon=True) for worker in workers]
        for thread in self._threads:
            thread.start()

    async def ask(self, job: Job) -> Answer:
        """Wait for the answer. Raises `Overloaded`, and what the worker raises."""
        asked: Asked[Job, Answer] = Asked(job, asyncio.get_running_loop())
        with self._changed:
            if self._ending:
                raise Closed("this gateway is ending")
            if len(self._waiting) >= self._waiting_max:
                raise Overloaded(f"too much waits for {self._name}", "requests_waiting_max", self._waiting_max)
            self._waiting.append(asked)
            self._changed.notify()
        return await asked.future

    def close(self) -> None:
        """Answer what waits, then end."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(CLOSE_S_MAX)

    def _run(self, worker: Worker[Job, Answer]) -> None:
        while (turn := self._take()) is not None:
            _serve(worker, turn)
        worker.close()

    def _take(self) -> list[Asked[Job, Answer]] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._ending, self._idle_s)
            if self._ending and not self._waiting:
                return None
            return [self._waiting.popleft() for _ in range(min(self._turn_max, len(self._waiting)))]


def _serve(worker: Worker[Job, Answer], turn: Sequence[Asked[Job, Answer]]) -> None:
    try:
        worker.serve(turn)
    except MqError as error:
        for asked in turn:
            asked.fail(error)
    except Exception as error:  # noqa: BLE001 - one question that meets a bug must not end the answering of all others
        _log.exception("a bug: %d questions cannot be answered", len(turn))
        for asked in turn:
            asked.fail(Bug(str(error)))


class Bug(MqError):
    """Something that must not happen. The log says more."""
