"""Sorts every record by what its producer was told and what the journal gives back. Decides, and touches nothing.

A body tells whose record it is and which one: ``source number padding``. A source numbers its records upwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Outcome = Literal["written", "durable", "refused", "dropped", "unknown"]
Kind = Literal["written", "durable", "refused", "dropped", "unknown", "lost", "duplicate", "reordered", "phantom"]
Key = tuple[str, bytes]
ACKNOWLEDGED = ("written", "durable")
ABSENT = ("refused", "dropped")
WRONG: tuple[Kind, ...] = ("lost", "duplicate", "reordered", "phantom")


class Told(NamedTuple):
    """What became of a record, as its producer knows it: a level with its offset, a no, never stored, or no answer."""

    topic: str
    body: bytes
    outcome: Outcome
    offset: int | None = None


class Kept(NamedTuple):
    """A record that the journal gives back."""

    offset: int
    body: bytes


@dataclass
class Verdict:
    """All records by kind, each of those sent in one of them; the journal's own extras are duplicates or phantoms."""

    records: dict[Kind, list[Key]] = field(default_factory=dict)

    def add(self, kind: Kind, key: Key) -> None:
        """Sort a record in."""
        self.records.setdefault(kind, []).append(key)

    @property
    def counts(self) -> dict[Kind, int]:
        """How many there are of each kind."""
        return {kind: len(keys) for kind, keys in self.records.items()}

    @property
    def wrong(self) -> dict[Kind, list[Key]]:
        """The first few of each kind that a journal must not have."""
        return {kind: self.records[kind][:5] for kind in WRONG if kind in self.records}


def sort(told: Iterable[Told], kept: Mapping[str, Sequence[Kept]]) -> Verdict:
    """Hold what producers were told against what is kept, topic by topic in the order of offsets."""
    sent: dict[Key, Told] = {}
    for each in told:
        key = each.topic, each.body
        assert key not in sent, f"{key} was sent twice: then nothing can be said of it"
        sent[key] = each
    verdict, found, early = Verdict(), dict[Key, int](), set[Key]()
    for topic, records in kept.items():
        _sort_kept(topic, records, sent, found, verdict)
        early |= _reordered(topic, records)
    for key, each in sent.items():
        _sort_told(key, each, found, early, verdict)
    return verdict


def assert_dense(records: Sequence[Kept]) -> None:
    """Every offset from 0 on is there once, in order."""
    assert [record.offset for record in records] == list(range(len(records)))


def body(source: str, number: int, size: int = 0) -> bytes:
    """Return a body that tells which one it is."""
    return f"{source} {number} ".encode().ljust(size, b".")


def _sort_kept(
    topic: str, records: Sequence[Kept], sent: Mapping[Key, Told], found: dict[Key, int], verdict: Verdict
) -> None:
    for record in records:
        key = topic, record.body
        if key not in sent:
            verdict.add("phantom", key)
        elif key in found:
            verdict.add("duplicate", key)
        else:
            found[key] = record.offset


def _reordered(topic: str, records: Sequence[Kept]) -> set[Key]:
    """Return the records that come behind a later one of the same source; a second copy counts where the first is."""
    highest: dict[bytes, int] = {}
    seen, behind = set[bytes](), set[Key]()
    for record in records:
        if record.body in seen or record.body.count(b" ") < 2:
            continue
        seen.add(record.body)
        source, number = record.body.split(b" ")[:2]
        if int(number) < highest.get(source, 0):
            behind.add((topic, record.body))
        highest[source] = max(int(number), highest.get(source, 0))
    return behind


def _sort_told(key: Key, told: Told, found: Mapping[Key, int], early: set[Key], verdict: Verdict) -> None:
    """Sort a record in that was sent. One acknowledged at another offset than it has is lost to whoever looks there."""
    if told.outcome in ACKNOWLEDGED and found.get(key) != told.offset:
        verdict.add("lost", key)
    elif told.outcome in ABSENT and key in found:
        verdict.add("phantom", key)
    elif key in early:
        verdict.add("reordered", key)
    else:
        verdict.add(told.outcome, key)
