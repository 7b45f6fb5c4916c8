"""The steps of a repair in words, and as what a program reads."""

from __future__ import annotations

from typing import Any

from mq.journal.plan import Begin, Cut
from mq.journal.steps import DropDraft, DropMark, Lost, NewIndex, NewMark, NewMeta, Step


def fields_of(step: Step | Lost) -> dict[str, Any]:
    """Return a step, or what stays lost, with the same fields for each kind."""
    match step:
        case Cut():
            what = "a write that did not come to its end: cut, once a copy is in quarantine"
            told = _fields("cut", step.topic, step.path, what, step.start, step.stop, step.first)
        case Begin():
            what = f"appending goes on in this new segment, at offset {step.offset} ({step.why})"
            told = _fields("begin", step.topic, step.path, what, first=step.offset)
        case NewMark():
            told = _fields("mark", step.topic, step.path, f"written anew from what the log says ({step.why})")
        case DropMark():
            what = f"deleted, once a copy is in quarantine: there is no log that it could be of ({step.why})"
            told = _fields("mark", step.topic, step.path, what)
        case NewIndex():
            told = _fields("index", step.topic, step.path, f"made anew from the log ({step.wrong.why})")
        case NewMeta():
            told = _fields("meta", None, step.path, f"made anew, with an epoch above {step.newest} ({step.why})")
        case DropDraft():
            told = _fields("draft", None, step.path, "left of a write that did not come to its end: deleted")
        case Lost():
            told = _fields("lost", step.topic, step.path, _gap(step), step.start, step.stop, step.first)
            told["next"] = step.next
    return told


def _gap(lost: Lost) -> str:
    if lost.next == lost.first:
        return f"no offsets of {lost.topic} are gone; these bytes stay as they are"
    stay = "they stay an explicit gap" if lost.is_gap else "the log begins behind them"
    return f"offsets {lost.first} to {lost.next - 1} of {lost.topic} are gone; {stay}"


def _fields(
    kind: str,
    topic: str | None,
    path: str,
    what: str,
    start: int | None = None,
    stop: int | None = None,
    first: int | None = None,
) -> dict[str, Any]:
    return {
        "kind": kind,
        "topic": topic,
        "path": path,
        "start": start,
        "stop": stop,
        "first": first,
        "next": None,
        "what": what,
    }
