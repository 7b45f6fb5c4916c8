"""A name that a subscriber holds: who holds it, where it resumes, and what is to be committed. Touches no socket."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from itertools import islice

from mq.client.identity import new_producer_id
from mq.client.message import Batch, Message
from mq.errors import BadName, Gap, MqError, Rewound, Trimmed
from mq.protocol import Commit, Join, Leave, PositionList
from mq.topic import is_name

HOLD_S = 10
ROWS_A_COMMIT = 256

Position = tuple[int, int]


def label() -> str:
    """Return what a member calls itself, for people: host and process."""
    return f"{socket.gethostname()}:{os.getpid()}"[-100:]


def check_name(name: str) -> None:
    """Raise `BadName` for what no consumer can be called, before a broker is asked."""
    if not is_name(name):
        raise BadName(name)


def positions_of(reply: PositionList) -> dict[str, tuple[int, int | None]]:
    """Return the rows that are rows: offset, and the epoch of the record before it where that is known."""
    return {
        row[0]: (row[1], row[2] or None)
        for row in reply.positions
        if isinstance(row, list) and list(map(type, row[:3])) == [str, int, int]
    }


class Hold:
    """One member's side of a consumer that is not shared. Its making raises `BadName`."""

    def __init__(self, name: str, patterns: list[str]) -> None:
        check_name(name)
        self.name = name
        self.joined = False
        self.positions: dict[str, tuple[int, int | None]] = {}
        self._member = new_producer_id()
        self._patterns = patterns
        self._moved: dict[str, Position] = {}
        self._epochs: dict[str, int] = {}

    def join(self, number: int) -> Join:
        """Return the request to hold the name, or to go on holding it."""
        return Join(number, self.name, self._member, label(), self._patterns, seconds=HOLD_S, renew=self.joined)

    def leave(self, number: int) -> Leave:
        """Return the request to let go of it."""
        return Leave(number, self.name, self._member)

    def took(self, batch: Batch, epoch: int) -> None:
        """Note the epoch of what is handed out from now on."""
        self._epochs[batch.topic] = epoch

    def handed_out(self, it: Message | Batch) -> None:
        """Note how far the caller has got. What the journal has not stored has no place."""
        if it.offset is not None:
            count = len(it.records) if isinstance(it, Batch) else 1
            self._moved[it.topic] = it.offset + count, self._epochs[it.topic]

    def raised(self, error: MqError) -> None:
        """Note that the caller has been told what cannot be had: it resumes behind that."""
        match error:
            case Gap():
                self._moved[error.topic] = error.next, 0
            case Trimmed():
                self._moved[error.topic] = error.first_kept, 0
            case Rewound():
                self._moved[error.topic] = error.end, 0

    def commits(self) -> Iterator[Mapping[str, Position]]:
        """Yield what has moved since it was last committed, as much at once as one request takes."""
        moved = iter(list(self._moved.items()))
        while page := dict(islice(moved, ROWS_A_COMMIT)):
            yield page

    def commit(self, number: int, page: Mapping[str, Position]) -> Commit:
        """Return the request to resume there."""
        return Commit(number, self.name, self._member, [[topic, *position] for topic, position in page.items()])

    def committed(self, page: Mapping[str, Position]) -> None:
        """Note that it is done. What has moved on since is for the next time."""
        for topic, position in page.items():
            if self._moved.get(topic) == position:
                del self._moved[topic]
