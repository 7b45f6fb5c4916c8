"""How several members of one consumer share its records: each is given to one of them at a time.

Records are given out in order, many at once. What comes back, because a member failed at it or died, is given out one
record at a time: so a record that kills its reader is tried alone, and takes no others with it. One that was given out
`consumer_tries_max` times becomes a dead letter, and is done with.
"""

from __future__ import annotations

import logging
from typing import Any

from mq.broker.consumers import Consumer
from mq.broker.dead_letters import letter
from mq.broker.places import Piece, Place
from mq.broker.registry import Declined, Registry
from mq.broker.sources import Sources
from mq.config import Config
from mq.errors import Rewound, Trimmed
from mq.frame import split
from mq.journal.interface import Journal

TOPICS_A_LEASE = 32
LETTERS_AT_ONCE = 16

_log = logging.getLogger(__name__)

Row = list[Any]


class Sharing:
    """Gives out and takes back. Used by the thread that appends."""

    def __init__(self, journal: Journal, registry: Registry, config: Config) -> None:
        self._journal = journal
        self._registry = registry
        self._open_max = config.consumer_records_max
        self._topics_max = config.consumer_topics_max
        self._rows_max = config.consumer_rows_max
        self._tries_max = config.consumer_tries_max
        self._sources = Sources(journal, registry.clock)

    def forget(self, name: str) -> None:
        """Look at all topics of a consumer anew: its positions are others now."""
        self._sources.forget(name)

    def held(self, consumer: Consumer, member: int) -> list[Row]:
        """Return what a member holds."""
        return [[topic, it.first, it.next, it.tries] for topic, it in consumer.held_by(member)]

    def lease(self, consumer: Consumer, member: int, count: int) -> tuple[list[Row], list[Row]]:
        """Give out up to `count` records, and tell what is no longer kept of those that were due. Raises `Declined`."""
        self.bury(consumer)
        suspect = self._suspect(consumer, count)
        rows, trimmed = (suspect, []) if suspect else self._fresh(consumer, count)
        if rows:
            event = {"do": "lease", "consumer": consumer.name, "member": member, "rows": rows, "trimmed": trimmed}
            self._registry.note({**event, "epoch": self._journal.epoch})
        return rows, trimmed

    def settle(
        self, consumer: Consumer, member: int, done: list[Row], failed: list[Row], unused: list[Row]
    ) -> list[Row]:
        """Take back records that a member holds; return those that it does not."""
        unheld: list[Row] = []
        settled = [row for row in done if _is_held(consumer, member, row, unheld)]
        released = [
            [*row, not_used]
            for rows, not_used in ((failed, False), (unused, True))
            for row in rows
            if _is_held(consumer, member, row, unheld)
        ]
        name = consumer.name
        events = [{"do": "settle", "consumer": name, "rows": settled}] if settled else []
        events += [{"do": "release", "consumer": name, "rows": released}] if released else []
        self._registry.note(*events)
        return unheld

    def bury(self, consumer: Consumer) -> None:
        """Make dead letters of some records that were tried too often. Raises `AppendFailed`."""
        doomed = [(topic, it) for topic, it in consumer.waiting_pieces() if it.tries >= self._tries_max]
        for topic, piece in doomed[:LETTERS_AT_ONCE]:
            self._bury_first(consumer, topic, piece)

    def _bury_first(self, consumer: Consumer, topic: str, piece: Piece) -> None:
        try:
            frame = letter(self._journal, consumer.name, topic, piece.first, piece.tries)
        except OSError as error:
            _log.error("%s: offset %d stays for now: %s", topic, piece.first, error.strerror)
            return
        (run,) = self._journal.append([frame])
        if run.error is not None:
            raise run.error
        row = [topic, piece.first, piece.first + 1]
        self._registry.note({"do": "settle", "consumer": consumer.name, "rows": [row]})
        _log.warning("%s: %s offset %d was tried %d times: a dead letter", consumer.name, *row[:2], piece.tries)

    def _suspect(self, consumer: Consumer, count: int) -> list[Row]:
        """Return one record out of those that wait; several only where none of them was tried."""
        for topic, piece in consumer.waiting_pieces():
            if piece.tries < self._tries_max:
                stop = piece.first + 1 if piece.tries else min(piece.next, piece.first + count)
                return [[topic, piece.first, stop, piece.tries + 1]]
        return []

    def _fresh(self, consumer: Consumer, count: int) -> tuple[list[Row], list[Row]]:
        """Return records that were not given out before, each row of another topic, and what is trimmed before them."""
        room = min(count, self._open_max - consumer.open, self._rows_max - self._registry.all.rows)
        if room <= 0:
            return [], []
        rows: list[Row] = []
        trimmed: list[Row] = []
        for topic in self._sources.topics(consumer, TOPICS_A_LEASE):
            if topic not in consumer.places and len(consumer.places) + len(rows) >= self._topics_max:
                if rows:
                    break
                why = f"{consumer.name} is about {self._topics_max:,} topics already: it cannot go on with {topic}"
                raise Declined("limit", why, consumer=consumer.name, setting="consumer_topics_max")
            first, stop, due = self._next(consumer, topic, room)
            if first < stop:
                rows.append([topic, first, stop, 1])
                trimmed += [[topic, due, first]] if due < first else []
                room -= stop - first
            if room <= 0:
                break
        return rows, trimmed

    def _next(self, consumer: Consumer, topic: str, room: int) -> tuple[int, int, int]:
        """Return the next records of a topic, first and next, and which one was due. There may be none."""
        due = 0
        try:
            if self._sources.is_new(consumer, topic):
                self._hold_against_the_journal(consumer, topic)
            due = (consumer.places.get(topic) or Place()).next
            first, end = self._kept(topic, due)
        except Rewound as error:
            self._go_back(consumer, error)
            return self._next(consumer, topic, room)
        except OSError as error:
            _log.error("%s cannot be given out now: %s: %s", topic, error.filename, error.strerror)
            return 0, 0, 0
        if end - first <= room:
            self._sources.is_done(consumer, topic)
        return first, min(end, first + room), due

    def _kept(self, topic: str, offset: int) -> tuple[int, int]:
        """Return the first offset from here on that is kept, and the end."""
        while True:
            try:
                return offset, self._journal.read(topic, offset, None, 1).end
            except Trimmed as error:
                offset = error.first_kept

    def _hold_against_the_journal(self, consumer: Consumer, topic: str) -> None:
        """Once in a life of the broker: raise `Rewound` where the journal has lost what it had given out."""
        place = consumer.places.get(topic)
        if place is None or place.next == 0:
            return
        try:
            found = self._journal.read(topic, place.next - 1, None, 1)
            last = next(split(found.frames), None)
            later = last is not None and last.header.epoch > place.epoch
            self._journal.read(topic, place.next, place.epoch if later else None, 1)
        except Trimmed:
            return

    def _go_back(self, consumer: Consumer, error: Rewound) -> None:
        """Go on where the shared history ends: the journal gives the offsets behind that out again."""
        _log.warning("%s: %s", consumer.name, error)
        event = {"do": "cut", "consumer": consumer.name, "rows": [[error.topic, error.end]]}
        self._registry.note({**event, "epoch": self._journal.epoch})


def _is_held(consumer: Consumer, member: int, row: Row, unheld: list[Row]) -> bool:
    """Whether a member may speak for all of these records; those that others hold, or nobody was given, are noted.

    What is settled already may be settled again: the answer to the first time may have been lost.
    """
    topic, first, stop = row
    place = consumer.places.get(topic) or Place()
    others = [part for part in place.open_within(first, stop) if part.holder != member]
    unheld += [[topic, part.first, part.next] for part in others]
    if stop > place.next:
        unheld.append([topic, max(first, place.next), stop])
    return not others and stop <= place.next
