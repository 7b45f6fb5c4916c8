"""A consumer's name, held for a moment: where it stands in each topic, and records fetched ahead.

The broker lets one member at a time hold a name, so two gateways never hand out the same record: a position is
committed before the record is answered, and who does not hold the name any more is refused.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from mq.client.consumer import ROWS_A_COMMIT, positions_of
from mq.client.identity import new_producer_id
from mq.client.link import Link
from mq.client.message import Message, batch_of
from mq.errors import Rewound, Trimmed
from mq.frame import split
from mq.gateway.names import own_label
from mq.protocol import Agreed, Commit, Fetch, Frames, Join, Leave, PositionList, Positions

_log = logging.getLogger(__name__)

CREDIT_BYTES = 64 << 10
HOLD_S = 2.0
SILENT_S_MAX = 3
RENEW_S = 1.0
TIMES_THE_READING = 10
"""A name with so many positions that reading them takes long is held for longer."""

Place = tuple[int, int | None]
BEGINNING: Place = (0, None)
_NOTHING: Iterator[tuple[Message, int]] = iter(())


@dataclass(slots=True)
class Held:
    """`places` is where it stands, handed out records included; `before` where it stood when last committed.

    `bytes_ahead` is what has been fetched since the last look at it, of which some is handed out.
    """

    name: str
    joined: bool = False
    places: dict[str, Place] = field(default_factory=dict)
    before: dict[str, Place] = field(default_factory=dict)
    ready: dict[str, Iterator[tuple[Message, int]]] = field(default_factory=dict)
    bytes_ahead: int = 0
    member: int = field(default_factory=new_producer_id)
    until: float = 0.0
    renew_at: float = 0.0

    def hold(self, link: Link) -> None:
        """Hold the name, or go on holding it. Raises `Refused`: `held`, or `fenced` where it was lost."""
        now = time.monotonic()
        if self.joined and now < self.renew_at:
            return
        topics, renew = ["#"], self.joined
        join = Join(link.number(), self.name, self.member, own_label(), topics, seconds=SILENT_S_MAX, renew=renew)
        link.ask(join, Agreed)
        if not self.joined:
            self._learn(link)
            self.until = time.monotonic() + max(HOLD_S, (time.monotonic() - now) * TIMES_THE_READING)
        self.joined = True
        self.renew_at = now + RENEW_S

    def next(self, link: Link, topic: str) -> Message | None:
        """Return the next record of a topic, None when there is none yet. It is committed by `commit`."""
        found = next(self.ready.get(topic, _NOTHING), None) or self._fetch(link, topic)
        if found is None:
            return None
        message, epoch = found
        self._go_to(topic, ((message.offset or 0) + 1, epoch))
        return message

    def commit(self, link: Link) -> None:
        """Let all that was handed out be behind us, for good. Raises what the broker refuses."""
        rows = [[topic, *_row(self.places[topic])] for topic in self.before]
        for start in range(0, len(rows), ROWS_A_COMMIT):
            page = rows[start : start + ROWS_A_COMMIT]
            link.ask(Commit(link.number(), self.name, self.member, page), Agreed)
            self.renew_at = time.monotonic() + RENEW_S
        self.before.clear()

    def go_back(self) -> None:
        """Stand where it was committed last, and know of no record: the journal is asked for them again."""
        self.places |= self.before
        self.before.clear()
        self.ready.clear()
        self.bytes_ahead = 0

    def leave(self, link: Link) -> None:
        """Let others have the name."""
        self.joined = False
        link.ask(Leave(link.number(), self.name, self.member), Agreed)

    def _learn(self, link: Link) -> None:
        self.places, self.before, self.ready, self.bytes_ahead = {}, {}, {}, 0
        after: str | None = None
        while True:
            reply = link.ask(Positions(link.number(), self.name, after), PositionList)
            self.places |= positions_of(reply)
            after = reply.after
            if after is None:
                return

    def _go_to(self, topic: str, place: Place) -> None:
        self.before.setdefault(topic, self.places.get(topic, BEGINNING))
        self.places[topic] = place

    def _fetch(self, link: Link, topic: str) -> tuple[Message, int] | None:
        """Fetch some records, and return the first; None where there is none yet.

        What retention, damage or a loss of the journal's end have taken away is passed over.
        """
        while True:
            offset, epoch = self.places.get(topic, BEGINNING)
            try:
                reply = link.ask(Fetch(link.number(), topic, offset, epoch, CREDIT_BYTES), Frames)
            except (Trimmed, Rewound) as error:
                self._go_to(topic, (error.first_kept if isinstance(error, Trimmed) else error.end, None))
                continue
            self.ready[topic] = _records(reply.frames, offset)
            self.bytes_ahead += len(reply.frames)
            if reply.lost is not None:
                _log.warning("%s: %s is damaged from %d to %d", self.name, topic, offset, reply.lost - 1)
            found = next(self.ready[topic], None)
            if found is not None or reply.lost is None:
                return found
            self._go_to(topic, (reply.lost, None))


def _records(frames: bytes, offset: int) -> Iterator[tuple[Message, int]]:
    """Yield records from an offset on, each with its epoch, taken out of their frames as they are wanted."""
    for frame in split(frames):
        part = batch_of(frame).part(offset, frame.header.next_offset)
        for message in part.messages() if part is not None else ():
            yield message, frame.header.epoch


def _row(place: Place) -> tuple[int, int]:
    return place[0], place[1] or 0
