"""Holds what readers wrote down against what they may hear. Decides, and touches nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from checker import Kept
from lines import Row


def by_topic(rows: Iterable[Row]) -> dict[str, list[Kept]]:
    """Return the records that a reader heard, in the order in which it did."""
    heard: dict[str, list[Kept]] = {}
    for kind, *facts in rows:
        if kind == "record":
            topic, offset, body = facts
            heard.setdefault(topic, []).append(Kept(offset, body.encode()))
    return heard


def told(rows: Iterable[Row]) -> list[str]:
    """Return what a reader was told that it cannot have."""
    return [" ".join(facts) for kind, *facts in rows if kind == "told"]


def wrong_with_follower(rows: Sequence[Row], kept: dict[str, list[Kept]]) -> list[str]:
    """Return what is wrong with one that follows all from the beginning: it hears the journal, record by record."""
    heard = by_topic(rows)
    wrong = [f"was told: {each}" for each in told(rows)]
    for topic in sorted(heard.keys() | kept.keys()):
        wrong += _first_difference(topic, heard.get(topic, []), kept.get(topic, []))
    return wrong


def wrong_with_consumer(rows: Sequence[Row], kept: dict[str, list[Kept]]) -> list[str]:
    """Return what is wrong with one that commits: each life resumes at a commit, and all lives together hear all."""
    wrong: list[str] = []
    committed, behind, places = dict[str, int](), dict[str, int](), dict[str, int]()
    for kind, *facts in rows:
        if kind == "begin":
            places = {}
        elif kind == "committed":
            committed[facts[0]] = facts[1]
        elif kind == "told":
            wrong.append(f"was told: {' '.join(facts)}")
        else:
            topic, offset, body = facts
            wrong += _out_of_place(topic, offset, places.get(topic), committed.get(topic, 0), behind.get(topic, 0))
            if kept.get(topic, [])[offset : offset + 1] != [Kept(offset, body.encode())]:
                wrong.append(f"{topic} {offset}: the journal has another record there")
            places[topic] = offset + 1
            behind[topic] = max(offset + 1, behind.get(topic, 0))
    missed = {topic: len(records) for topic, records in kept.items() if behind.get(topic, 0) < len(records)}
    return wrong + [f"{topic}: heard up to {behind.get(topic, 0)} of {end}" for topic, end in sorted(missed.items())]


def _out_of_place(topic: str, offset: int, due: int | None, committed: int, behind: int) -> list[str]:
    """Within a life one follows the other. The first is where it committed last, or where a commit was under way."""
    if due is not None:
        return [] if offset == due else [f"{topic}: heard {offset} where {due} was due"]
    if committed <= offset <= behind:
        return []
    return [f"{topic}: resumed at {offset}, though {committed} was committed and {behind} was due"]


def _first_difference(topic: str, heard: list[Kept], kept: list[Kept]) -> list[str]:
    for at, (one, other) in enumerate(zip(heard, kept, strict=False)):
        if one != other:
            return [f"{topic}: heard {one.offset} where {other.offset} was due, record {at}; {one} is not {other}"]
    if len(heard) != len(kept):
        return [f"{topic}: heard {len(heard)} records of {len(kept)}"]
    return []
