"""Repairing a data directory while no broker is at work there: first it is looked at, then what was planned is done.

The plan is made of what `verify` finds and of what recovery would do, and changes nothing. Each step is durable before
the next one begins, and can be done again: a repair that was cut short is finished by the next one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from mq.config import Config
from mq.errors import JournalError
from mq.journal import layout
from mq.journal.checks import TopicCheck
from mq.journal.files import Files
from mq.journal.indexes import Indexes
from mq.journal.lock import DirectoryLock
from mq.journal.mender import Mender
from mq.journal.plan import decide
from mq.journal.steps import DropDraft, Lost, NewMeta, RepairPlan, Step, lost_of, steps_of
from mq.journal.survey import Survey
from mq.journal.untouched import Untouched
from mq.journal.verify import DRAFTS, Progress, look_through


class Repair:
    """The repair of one directory, which nobody else may open until `close`. Raises `JournalError`, `Locked` too."""

    def __init__(
        self, data: str, config: Config, files: Files | None = None, clock: Callable[[], int] = time.time_ns
    ) -> None:
        self._data = data
        self._files = files or Files()
        self._looking = Untouched(self._files)
        self._config = config
        self._mender = Mender(self._files, data, config, clock)
        try:
            self._lock = DirectoryLock(data)
        except OSError as error:
            raise JournalError(f"{error.filename or data} cannot be looked at: {error.strerror}") from error

    def __enter__(self) -> Repair:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def plan(self, progress: Progress | None = None) -> RepairPlan:
        """Look at all there is, and return what is to be done. Changes nothing; `progress` is as in `verify`."""
        try:
            return self._plan(progress)
        except OSError as error:
            raise JournalError(f"{error.filename or self._data} cannot be looked at: {error.strerror}") from error

    def carry_out(self, plan: RepairPlan, progress: Progress | None = None) -> None:
        """Do what was planned; `progress` is called with the steps done so far and all. All of it is durable then."""
        done = 0
        try:
            self._lock.sign()
            for step in plan.steps:
                self._mender.do(step)
                done += 1
                if progress is not None:
                    progress(done, len(plan.steps))
        except OSError as error:
            why = f"{error.filename or self._data}: {error.strerror}"
            raise JournalError(
                f"{why}: {done} of {len(plan.steps)} steps are done; once that is mended, repair again does the rest"
            ) from error

    def close(self) -> None:
        """Let go."""
        self._lock.release()

    def _plan(self, progress: Progress | None) -> RepairPlan:
        survey = Survey(self._looking, Indexes(self._looking, self._config.index_interval_bytes), self._data)
        steps: list[Step] = []
        lost: list[Lost] = []
        epochs = [0]

        def take(check: TopicCheck) -> None:
            plan = decide(survey.look(check.topic, check.names()))
            if plan is not None and plan.broken is not None:
                raise JournalError(f"{plan.broken}: copy what can be read to a good disk, and repair that")
            steps.extend(steps_of(plan, check))
            lost.extend(lost_of(plan, check))
            epochs.extend((check.epoch, plan.state.epoch if plan is not None else 0))

        report = look_through(self._data, self._looking, progress, take)
        meta = os.path.join(self._data, layout.META)
        steps += [NewMeta(meta, max(epochs), finding.why) for finding in report.findings if finding.path == meta]
        steps += [DropDraft(os.path.join(self._data, name)) for name in sorted(DRAFTS & set(self._names()))]
        return RepairPlan(tuple(steps), tuple(lost))

    def _names(self) -> list[str]:
        return self._looking.names(self._data)
