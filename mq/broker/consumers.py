"""The consumers there are, as what was noted of them adds up. Decides, and touches nothing.

Everything that changes a consumer is an event: a map that is appended to the journal's own topic, then applied here.
So what a restart reads there comes to the same. What an event may say was checked by whoever made it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from mq.broker.places import NOBODY, Piece, Place

Event = dict[str, Any]
ROWS_AN_EVENT, PIECES_A_ROW = 64, 250
"""So an event of a snapshot fits into a frame: a row takes up to 230 bytes, and a piece in it up to 40."""


class Member(NamedTuple):
    """One life of a program that takes part: what it calls itself, and how long it may be silent."""

    label: str
    seconds: int


@dataclass(slots=True)
class Consumer:
    """What is kept of one. `used` is when it was last used, in s since the Unix epoch.

    `waiting` has the topics in which pieces may wait, `open` is how many records are given out and not settled.
    """

    name: str
    shared: bool = False
    used: int = 0
    patterns: tuple[str, ...] = ()
    members: dict[int, Member] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    waiting: dict[str, None] = field(default_factory=dict)
    open: int = 0

    def place(self, topic: str) -> Place:
        """Return where it stands in a topic; in one that it has not met, at the beginning."""
        return self.places.get(topic) or self.places.setdefault(topic, Place())

    def held_by(self, member: int) -> Iterator[tuple[str, Piece]]:
        """Yield the pieces that a member holds."""
        for topic, place in self.places.items():
            for piece in place.held_by(member):
                yield topic, piece

    def waiting_pieces(self) -> Iterator[tuple[str, Piece]]:
        """Yield the pieces that nobody holds; topics without any are not looked at the next time."""
        for topic in list(self.waiting):
            pieces = list(self.places[topic].held_by(NOBODY))
            if not pieces:
                del self.waiting[topic]
            for piece in pieces:
                yield topic, piece


class Consumers:
    """All of them, by name. `apply` is the only way in which they change."""

    def __init__(self) -> None:
        self._all: dict[str, Consumer] = {}

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Consumer]:
        return iter(list(self._all.values()))

    def get(self, name: str) -> Consumer | None:
        """Return one."""
        return self._all.get(name)

    @property
    def rows(self) -> int:
        """How many rows their positions take at most, records that are not settled included."""
        return sum(len(each.places) + each.open for each in self._all.values())

    def apply(self, event: Event) -> None:
        """Take an event in. One of a later version, that means nothing here, is passed over."""
        if event["do"] == "delete":
            self._all.pop(event["consumer"], None)
            return
        change = _CHANGES.get(event["do"])
        if change is None:
            return
        consumer = self._all.get(event["consumer"])
        if consumer is None:
            consumer = self._all[event["consumer"]] = Consumer(event["consumer"])
        consumer.used = event.get("at", consumer.used)
        change(consumer, event)

    def snapshot(self) -> Iterator[Event]:
        """Yield events that come to the same as all that have been applied."""
        for each in self._all.values():
            members = [[member, *it] for member, it in each.members.items()]
            patterns = list(each.patterns)
            yield _event("kept", each, shared=each.shared, at=each.used, members=members, patterns=patterns)
            rows = list(_rows(each))
            for start in range(0, len(rows), ROWS_AN_EVENT):
                yield _event("places", each, rows=rows[start : start + ROWS_AN_EVENT])


def _event(do: str, consumer: Consumer, **fields: Any) -> Event:
    return {"do": do, "consumer": consumer.name, **fields}


def _rows(consumer: Consumer) -> Iterator[list[Any]]:
    """Yield topic, next, epoch and pieces of each place; of many pieces some at a time, in order."""
    for topic, place in consumer.places.items():
        pieces = [[it.first, it.next, it.tries, it.holder] for it in place.pieces]
        for start in range(0, max(1, len(pieces)), PIECES_A_ROW):
            yield [topic, place.next, place.epoch, pieces[start : start + PIECES_A_ROW]]


def _join(consumer: Consumer, event: Event) -> None:
    consumer.shared, consumer.patterns = event["shared"], tuple(event["patterns"])
    if not consumer.shared:
        consumer.members.clear()
    consumer.members[event["member"]] = Member(event["label"], event["seconds"])


def _leave(consumer: Consumer, event: Event) -> None:
    consumer.members.pop(event["member"], None)
    for topic, place in consumer.places.items():
        if any(place.held_by(event["member"])):
            place.release_all_of(event["member"])
            consumer.waiting[topic] = None


def _set(consumer: Consumer, event: Event) -> None:
    for topic, offset, epoch in event["rows"]:
        consumer.open -= consumer.place(topic).open
        consumer.places[topic] = Place(offset, epoch)


def _lease(consumer: Consumer, event: Event) -> None:
    consumer.shared = True  # also where damage has taken the event that said so
    for topic, due, first in event["trimmed"]:
        _reach(consumer, topic, due).skip_to(first)
    for topic, first, stop, tries in event["rows"]:
        place = _reach(consumer, topic, first)
        if first == place.next:
            consumer.open += stop - first
        place.lease(Piece(first, stop, tries, event["member"]), event["epoch"])


def _reach(consumer: Consumer, topic: str, offset: int) -> Place:
    """Return a place. What has been given out there before `offset` and is not known, as by damage, waits."""
    place = consumer.place(topic)
    missed = place.reach(offset)
    if missed:
        consumer.open += missed
        consumer.waiting[topic] = None
    return place


def _settle(consumer: Consumer, event: Event) -> None:
    for topic, first, stop in event["rows"]:
        place = consumer.place(topic)
        consumer.open -= sum(part.records for part in place.open_within(first, stop))
        place.settle(first, stop)


def _release(consumer: Consumer, event: Event) -> None:
    for topic, first, stop, unused in event["rows"]:
        consumer.place(topic).release(first, stop, unused=unused)
        consumer.waiting[topic] = None


def _cut(consumer: Consumer, event: Event) -> None:
    for topic, end in event["rows"]:
        place = consumer.place(topic)
        consumer.open -= sum(part.records for part in place.open_within(end, max(end, place.next)))
        place.cut(end, event["epoch"])


def _kept(consumer: Consumer, event: Event) -> None:
    consumer.shared, consumer.patterns = event["shared"], tuple(event["patterns"])
    consumer.members = {member: Member(label, seconds) for member, label, seconds in event["members"]}


def _places(consumer: Consumer, event: Event) -> None:
    for topic, following, epoch, rows in event["rows"]:
        place = consumer.place(topic)
        place.next, place.epoch = following, epoch
        pieces = [Piece(*row) for row in rows]
        place.pieces += pieces
        consumer.open += sum(piece.records for piece in pieces)
        if any(piece.holder == NOBODY for piece in pieces):
            consumer.waiting[topic] = None


_CHANGES = {
    "join": _join,
    "leave": _leave,
    "set": _set,
    "lease": _lease,
    "settle": _settle,
    "release": _release,
    "cut": _cut,
    "kept": _kept,
    "places": _places,
}


def replayed(events: Iterable[Event]) -> Consumers:
    """Return what events come to, snapshots among them: what stands between `begin` and `end` replaces all before.

    A snapshot that is not whole is passed over, but where nothing is known from before it. What is held by a member
    that is not known waits.
    """
    consumers, fresh, count = Consumers(), Consumers(), 0
    for event in events:
        if event["do"] in ("kept", "places"):
            fresh.apply(event)
            count += 1
            continue
        if (event["do"] == "end" and event["events"] == count) or not len(consumers):
            consumers = fresh
        fresh, count = Consumers(), 0
        consumers.apply(event)
    found = consumers if len(consumers) else fresh
    for consumer in found:
        _part_strangers(consumer)
    return found


def _part_strangers(consumer: Consumer) -> None:
    """Let wait what is held by members whose joining was not found."""
    holders = {piece.holder for place in consumer.places.values() for piece in place.pieces}
    for stranger in holders - consumer.members.keys() - {NOBODY}:
        _leave(consumer, {"member": stranger})
