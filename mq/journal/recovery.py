"""Opening a topic's log: its end is looked for, what to do is planned, and that is done. It always ends with a log.

What is to be done `plan` says. Here is what happens when it cannot be done: on a full disk, or one that fails.
"""

from __future__ import annotations

import logging
from typing import NamedTuple

from mq.journal import layout, mending
from mq.journal.files import Files
from mq.journal.indexes import Indexes
from mq.journal.meta import FULL
from mq.journal.plan import Begin, Cut, Plan, decide, decide_uncut
from mq.journal.quarantine import Quarantine
from mq.journal.state import State
from mq.journal.survey import Survey, read_mark

__all__ = ["Opened", "Recovery", "read_mark"]

_log = logging.getLogger(__name__)


class Opened(NamedTuple):
    """A log as it was found. `clean`: all of it is on the disk, as the mark says. `broken`: why it takes nothing."""

    state: State
    clean: bool = False
    broken: str | None = None


class Recovery:
    """Opens the logs of one data directory. All raise `OSError` where not even reading works."""

    def __init__(self, files: Files, indexes: Indexes, data: str, quarantine_bytes_max: int) -> None:
        self._files = files
        self._data = data
        self._survey = Survey(files, indexes, data)
        self._quarantine = Quarantine(files, data, quarantine_bytes_max)

    def open(self, topic: str, names: list[str]) -> Opened | None:
        """Return the log of a topic whose directory holds `names`, None when nothing was ever appended there."""
        plan = decide(self._survey.look(topic, names))
        if plan is None:
            return None
        for line in plan.wrong:
            _log.error("%s", line)
        if plan.broken is not None:
            return Opened(plan.state, broken=plan.broken)
        if plan.cut is not None:
            broken = self._cut(plan.cut)
            if broken is not None:
                return self._go_on_uncut(plan, broken)
        if plan.begin is not None:
            return self._begin(plan, plan.begin)
        return None if plan.empty else Opened(plan.state, plan.clean)

    def _cut(self, step: Cut) -> str | None:
        """Cut a torn tail; return why not, if that cannot be."""
        try:
            copy = mending.cut(self._files, self._quarantine, step)
        except OSError as error:
            _log.error("%s: torn at byte %d, not cut: %s", step.path, step.start, error.strerror)
            return f"{error.filename or step.path}: {error.strerror} while cutting a torn tail"
        _log.warning(
            "%s: torn at byte %d (offset %d); %d bytes cut, a copy is in %s",
            *(step.path, step.start, step.first, step.stop - step.start, copy),
        )
        return None

    def _go_on_uncut(self, plan: Plan, broken: str) -> Opened:
        instead = decide_uncut(plan, layout.topic_directory(self._data, plan.topic))
        if instead is None or instead.begin is None:
            return Opened(plan.state, broken=broken)
        return self._begin(instead, instead.begin)

    def _begin(self, plan: Plan, step: Begin) -> Opened:
        try:
            mending.begin(self._files, step)
        except OSError as error:
            if error.errno not in FULL:
                return Opened(plan.state, broken=f"{step.path}: {error.strerror} when a new segment was to begin")
            _log.error("%s: it begins with the next record, once there is room for it", step.path)
        else:
            _log.error("%s: appending goes on in this new segment, at offset %d", step.path, step.offset)
        return Opened(plan.state)
