"""What recovery does to a log, decided from what was seen of it, before anything is touched. Pure.

Below the mark everything was on the disk once, so what counts is what is past it. There, a tail with nothing valid
behind it is torn: it is cut, and a copy kept. Where bytes below the mark are gone, or a whole segment is, that is
damage: what is left stays as it is, and a new segment begins at the offset that the mark knows, so that lost offsets
are not used again. So is a tail left that cannot be cut, and one with frames that may be true. A log that cannot go on
even so is only read; so is one whose end nobody knows, because the disk does not give it, or it is another topic's.
"""

from __future__ import annotations

from typing import NamedTuple

from mq.journal.mark import Mark
from mq.journal.scan import Damaged, Rest
from mq.journal.segment import Segment
from mq.journal.state import State
from mq.journal.window import Floor


class Doubt(NamedTuple):
    """What speaks against it that the rest of a segment, in which nothing counts, is but torn.

    `beyond` is what would follow frames in it that may be true; `foreign`: another topic's frame begins there.
    """

    beyond: Floor | None = None
    foreign: bool = False


class Tail(NamedTuple):
    """Where the good part of an active segment ends, what the next frame there follows, and what comes instead.

    `unreadable` is a byte that the disk did not give, -1 where it gave all.
    """

    size: int
    floor: Floor
    last: int
    rest: Rest | None
    damage: tuple[Damaged, ...] = ()
    unreadable: int = -1
    doubt: Doubt = Doubt()


class Evidence(NamedTuple):
    """What was seen of a topic. `holds`: the active segment still ends at the mark as it did when synced.

    `tail` is None where nothing had to be read: there is no segment, or the last one ends where its mark is.
    """

    topic: str
    directory: str
    segments: tuple[Segment, ...]
    mark: Mark | None
    holds: bool = True
    tail: Tail | None = None


class Cut(NamedTuple):
    """Bytes `start` to `stop`, the end of a segment, are cut off once a copy is safe. Offset `first` is due there."""

    topic: str
    path: str
    base: int
    start: int
    stop: int
    first: int


class Begin(NamedTuple):
    """A new segment begins at `offset`, in the file `path`; `why` the one before it does not go on."""

    topic: str
    path: str
    offset: int
    why: str


class Plan(NamedTuple):
    """What is to be done to a log, and its state once that is done. `wrong` is what is lost, a line each.

    `clean`: all of it is on the disk, as the mark says. `empty`: once that is done, nothing was ever appended to it.
    `broken`: why nothing can be done, and nothing may be appended.
    """

    topic: str
    state: State
    cut: Cut | None = None
    begin: Begin | None = None
    wrong: tuple[str, ...] = ()
    clean: bool = False
    empty: bool = False
    broken: str | None = None


def decide(seen: Evidence) -> Plan | None:
    """Return what is to be done to a log, None where nothing was ever appended."""
    mark, tail = seen.mark, seen.tail
    if mark is not None and is_gone(mark, seen.segments):
        why = f"{seen.directory}: segment {mark.base} is gone, with offsets up to {mark.next - 1}"
        return _fence(seen.topic, seen.directory, seen.segments, Floor(mark.next, mark.epoch, mark.appended), (why,))
    if not seen.segments:
        return None
    if tail is None:
        if mark is None:
            raise ValueError(f"of {seen.directory} neither a mark nor a tail was seen")
        state = State(seen.segments, mark.position, mark.next, mark.last, mark.appended, mark.epoch)
        return Plan(seen.topic, state, clean=True)
    return _decide_tail(seen, tail)


def _decide_tail(seen: Evidence, tail: Tail) -> Plan:
    active, state, mark = seen.segments[-1], _state(seen.segments, tail), seen.mark
    lost = tuple(_lost(active, damage) for damage in tail.damage)
    why = _why_broken(active, tail, holds=seen.holds)
    if why is not None:
        return Plan(seen.topic, state, wrong=(why, *lost), broken=why)
    if mark is not None and not seen.holds:
        why = f"{active.path}: it does not end at byte {mark.position} as it did when synced"
        beyond = Floor(*map(max, tail.floor, (mark.next, mark.epoch, mark.appended)))
        return _fence(seen.topic, seen.directory, seen.segments, beyond, (why, *lost))
    if tail.rest is not None and tail.doubt.beyond is not None:
        place = f"{active.path}: damaged from byte {tail.rest.start} to {tail.rest.stop}"
        why = f"{place}, with frames that may be true; nothing of it is cut"
        return _fence(seen.topic, seen.directory, seen.segments, tail.doubt.beyond, (why, *lost))
    return Plan(seen.topic, state, _cut(seen.topic, active, tail.rest), wrong=lost, empty=tail.size == active.base == 0)


def _why_broken(active: Segment, tail: Tail, *, holds: bool) -> str | None:
    """Return why nobody can tell where a log ends, None where that can be told."""
    if tail.unreadable >= 0 and (tail.rest is not None or not holds):
        return f"{active.path}: the disk does not give what stands at byte {tail.unreadable}"
    if tail.size == 0 and tail.doubt.foreign:
        return f"{active.path}: it holds the frames of another topic: put it back where it was"
    return None


def decide_uncut(plan: Plan, directory: str) -> Plan | None:
    """Return what comes instead where the tail cannot be cut, None where nothing can: there is no good part of it."""
    state = plan.state
    if state.size == 0:
        return None
    floor = Floor(state.next, state.epoch, state.appended)
    return _fence(plan.topic, directory, state.segments, floor, ("the torn tail could not be cut",))


def is_gone(mark: Mark, segments: tuple[Segment, ...]) -> bool:
    """Whether the segment that a mark was written in is not there, nor any behind it."""
    return not segments or mark.base > segments[-1].base


def _state(segments: tuple[Segment, ...], tail: Tail) -> State:
    floor = tail.floor
    return State(segments, tail.size, floor.offset, tail.last, floor.appended, floor.epoch)


def _cut(topic: str, active: Segment, rest: Rest | None) -> Cut | None:
    return Cut(topic, active.path, active.base, rest.start, rest.stop, rest.first) if rest is not None else None


def _lost(active: Segment, damage: Damaged) -> str:
    place = f"{active.path}: damaged from byte {damage.start} to {damage.stop}"
    return f"{place}, offsets {damage.first} to {damage.next - 1} are lost"


def _fence(topic: str, directory: str, segments: tuple[Segment, ...], floor: Floor, wrong: tuple[str, ...]) -> Plan:
    """Leave what is there as it is, and begin a new segment at an offset that was never used."""
    closed = tuple(_closed(directory, segment, floor.offset) for segment in segments[-1:])
    fresh = Segment(directory, floor.offset, 0)
    fresh.active = True
    state = State((*segments[:-1], *closed, fresh), 0, floor.offset, -1, floor.appended, floor.epoch)
    return Plan(topic, state, begin=Begin(topic, fresh.path, floor.offset, wrong[0]), wrong=wrong)


def _closed(directory: str, segment: Segment, limit: int) -> Segment:
    closed = Segment(directory, segment.base, segment.size)
    closed.limit = limit
    return closed
