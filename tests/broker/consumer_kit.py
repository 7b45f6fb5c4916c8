"""What the tests of the broker's consumers share: its answers over a real journal, with a clock that a test moves."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import msgpack

from mq.broker.consumer_requests import ConsumerRequest, check
from mq.broker.consuming import Consuming
from mq.config import Config
from mq.errors import Trimmed
from mq.frame import check as check_frame
from mq.frame import encode, split
from mq.journal.file_journal import FileJournal
from mq.journal.files import Files
from mq.protocol import Failure, Join, Lease, Leased, PositionList, Positions, Settle, Settled

NAME = "crew"
SECONDS = 30
WALL = 1_700_000_000_000_000_000


class Scene:
    """One broker's consumers, and their restarts."""

    def __init__(self, data: Path, files: Files | None = None, /, **settings: Any) -> None:
        self.data = data
        self._files = files or Files()
        self.config = Config(**settings)
        self.now = 1_000.0
        self._numbers = count(1)
        self.start()

    def start(self) -> None:
        """Open the journal, and read what is kept of consumers."""
        self.journal = FileJournal(str(self.data), self.config, self._files)
        self.consuming = Consuming(self.journal, self.config, lambda: self.now, self.wall)

    def wall(self) -> int:
        """Return the time, which goes on with the clock."""
        return WALL + round(self.now * 1_000_000_000)

    def restart(self) -> None:
        """Begin another life on the same data."""
        self.journal.close()
        self.start()

    def number(self) -> int:
        """Return a number for the next request."""
        return next(self._numbers)

    def append(self, topic: str, records: int) -> None:
        """Append records, each of which names itself."""
        frames = [check_frame(encode(topic, [b"%d" % number], produced=1)) for number in range(records)]
        for run in self.journal.append(frames):
            assert run.error is None

    def ask(self, request: ConsumerRequest) -> Any:
        """Return the answer to a request."""
        check(request)
        return self.consuming.answer(request)

    def join(self, member: int, patterns: tuple[str, ...] = ("jobs/#",), *, shared: bool = True) -> Any:
        """Let a member take part."""
        return self.ask(Join(self.number(), NAME, member, f"m{member}", list(patterns), shared, SECONDS))

    def lease(self, member: int, records: int = 10, *, again: bool = False) -> list[list[Any]]:
        """Return the rows that a member is given."""
        reply = self.ask(Lease(self.number(), NAME, member, records, again))
        assert isinstance(reply, Leased), reply
        return reply.leases

    def settle(self, member: int, **rows: list[list[Any]]) -> list[list[Any]]:
        """Return the rows that the member did not hold."""
        kinds = (rows.get(kind, []) for kind in ("done", "failed", "unused"))
        reply = self.ask(Settle(self.number(), NAME, member, *kinds))
        assert isinstance(reply, Settled), reply
        return reply.unheld

    def error(self, request: ConsumerRequest) -> str:
        """Return the word with which a request is declined."""
        reply = self.ask(request)
        assert isinstance(reply, Failure), reply
        return reply.error

    def positions(self, name: str = NAME) -> dict[str, tuple[int, int, int]]:
        """Return offset, epoch and open records by topic."""
        reply = self.ask(Positions(self.number(), name))
        assert isinstance(reply, PositionList), reply
        return {topic: tuple(rest) for topic, *rest in reply.positions}

    def told_patterns(self) -> list[str]:
        """Return the patterns of the consumer's members, as far as they are known."""
        reply = self.ask(Positions(self.number(), NAME))
        assert isinstance(reply, PositionList), reply
        return reply.patterns

    def letters(self) -> list[dict[str, Any]]:
        """Return the dead letters."""
        return [msgpack.unpackb(record) for record in self.records(f"_mq/dead/{NAME}")]

    def records(self, topic: str) -> list[bytes]:
        """Return a topic's records."""
        found: list[bytes] = []
        offset = self.first(topic)
        while True:
            part = self.journal.read(topic, offset, None, 1 << 20)
            found += [record for frame in split(part.frames) for record in frame.records()]
            if part.next == part.end:
                return found
            offset = part.next

    def first(self, topic: str) -> int:
        """Return the first offset that is kept."""
        try:
            self.journal.read(topic, 0, None, 1)
        except Trimmed as error:
            return error.first_kept
        return 0
