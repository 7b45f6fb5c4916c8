"""What a repair does, a step each, decided from what was seen before anything is touched. Pure.

What recovery does by itself comes first, as `plan` says it. Then what recovery leaves to its later life, or leaves as
it is, because it costs nothing but time: torn tails that could not be cut once, marks and indexes.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from mq.journal import layout
from mq.journal.checks import TopicCheck, WrongIndex
from mq.journal.mark import Mark
from mq.journal.plan import Begin, Cut, Plan
from mq.journal.report import Finding


class NewMark(NamedTuple):
    """The mark in the file `path` is written anew, once all of the segment `log` is synced."""

    topic: str
    path: str
    log: str
    mark: Mark
    why: str


class DropMark(NamedTuple):
    """A mark that does not hold, of a topic to which nothing was ever appended, goes, once a copy is safe."""

    topic: str
    path: str
    why: str


class NewIndex(NamedTuple):
    """An index is made anew from its log."""

    topic: str
    path: str
    wrong: WrongIndex


class NewMeta(NamedTuple):
    """The directory's own file is written anew, with an epoch above `newest`."""

    path: str
    newest: int
    why: str


class DropDraft(NamedTuple):
    """What is left of a file whose writing was cut short goes."""

    path: str


Step = Cut | Begin | NewMark | DropMark | NewIndex | NewMeta | DropDraft


class Lost(NamedTuple):
    """Bytes `start` to `stop` of a topic's file do not hold, and the offsets `first` to `next` - 1 are gone.

    They stay a gap, unless nothing before them is left: then the log begins behind them, as if they had been trimmed.
    """

    topic: str
    path: str
    start: int
    stop: int
    first: int
    next: int
    is_gap: bool


class RepairPlan(NamedTuple):
    """What is to be done, in order, and what cannot be brought back."""

    steps: tuple[Step, ...]
    lost: tuple[Lost, ...]


def steps_of(plan: Plan | None, check: TopicCheck) -> list[Step]:
    """Return what is to be done to one topic; `plan` is what recovery would do to it."""
    if plan is None:
        return _drop_mark(check)
    steps: list[Step] = [step for step in (plan.cut, plan.begin) if step is not None]
    steps += [_cut(check.topic, finding) for finding in check.findings if _was_left(finding, plan)]
    if plan.empty:
        steps += _drop_mark(check)
    elif plan.begin is not None:
        steps.append(_new_mark(plan, check, "the last one was written in a segment that does not go on"))
    elif check.mark_wrong is not None:
        steps.append(_new_mark(plan, check, check.mark_wrong))
    return steps + [
        NewIndex(check.topic, layout.index_path(wrong.path), wrong) for wrong in check.indexes if _is_due(wrong, plan)
    ]


def lost_of(plan: Plan | None, check: TopicCheck) -> list[Lost]:
    """Return what of one topic cannot be brought back."""
    kept = plan.state.first if plan is not None else 0
    return [
        Lost(check.topic, each.path, each.start, each.stop, each.first, each.next, each.first >= kept)
        for each in check.findings
        if each.kind == "damage" and each.first is not None and each.next is not None
    ]


def _was_left(finding: Finding, plan: Plan) -> bool:
    """Whether this is a torn tail at the end of a segment that is closed, or will be."""
    return finding.kind == "torn" and any(finding.path == closed.path for closed in plan.state.segments[:-1])


def _cut(topic: str, torn: Finding) -> Cut:
    (base,) = layout.segment_bases([os.path.basename(torn.path)])
    return Cut(topic, torn.path, base, torn.start, torn.stop, torn.first or 0)


def _drop_mark(check: TopicCheck) -> list[Step]:
    return [DropMark(check.topic, check.mark_path, check.mark_wrong)] if check.mark_wrong is not None else []


def _new_mark(plan: Plan, check: TopicCheck, why: str) -> NewMark:
    state, active = plan.state, plan.state.segments[-1]
    mark = Mark(active.base, state.size, state.next, max(state.last, 0), state.appended, state.epoch)
    return NewMark(check.topic, check.mark_path, active.path, mark, why)


def _is_due(wrong: WrongIndex, plan: Plan) -> bool:
    """Whether an index is to be made now. The active segment's may be missing: it comes with the next checkpoint."""
    return not wrong.missing or wrong.path != plan.state.segments[-1].path
