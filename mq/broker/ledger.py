"""What became of each producer's frames, told by their sequences: received, missing, late, or there twice.

Of what is pushed nobody is told, and nothing is sent again; but a producer counts what it sends, so what is missing
before the last frame that arrived is known exactly. It is counted from the first frame that this life of the broker
has seen of a producer and topic. Used by the journaling thread; any may read.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from heapq import nsmallest
from typing import NamedTuple

from mq.broker.counters import Counters
from mq.broker.reported import Reported
from mq.broker.senders import Senders
from mq.frame import PRODUCER, SEQUENCE, Checked
from mq.journal.interface import Run
from mq.topic import Pattern

ACCOUNTS_MAX = 100_000
HOLES_MAX = 16


class Row(NamedTuple):
    """What is known of one producer's records for one topic, step by step.

    `sampled`, `spooled` and `dropped` are what the producer says of itself, or of one that says nothing, what its
    sequences tell. Of what was received all but the `unstored` was journaled; all of it was forwarded. `repaired` is
    how often those who listen had to fetch something of the topic that they had missed live.
    """

    topic: str
    producer: int
    received: int
    missing: int
    late: int
    duplicate: int
    unstored: int = 0
    sampled: int = 0
    spooled: int = 0
    dropped: int = 0
    repaired: int = 0


class Account:
    """One producer's records for one topic. Of holes the last `HOLES_MAX` can still be filled."""

    __slots__ = ("duplicate", "holes", "late", "missing", "next", "received", "unstored")

    def __init__(self, sequence: int) -> None:
        self.next = sequence
        self.received = self.missing = self.late = self.duplicate = self.unstored = 0
        self.holes: list[tuple[int, int]] = []

    def note(self, sequence: int, count: int) -> None:
        """Take the first sequence of some records, and how many they are."""
        after = sequence + count
        if sequence < self.next:
            self._note_again(sequence, min(after, self.next))
        if after > self.next:
            self._note_new(max(sequence, self.next), after)

    def _note_new(self, sequence: int, after: int) -> None:
        if sequence > self.next:
            self.missing += sequence - self.next
            self.holes = [*self.holes[1 - HOLES_MAX :], (self.next, sequence)]
        self.received += after - sequence
        self.next = after

    def _note_again(self, sequence: int, after: int) -> None:
        """Take records from before the end: late where they fill a hole, there twice where they do not."""
        late, holes = 0, []
        for first, stop in self.holes:
            filled = max(0, min(stop, after) - max(first, sequence))
            parts = [(first, stop)] if not filled else [(first, sequence), (after, stop)]
            holes += [hole for hole in parts if hole[0] < hole[1]]
            late += filled
        self.holes = holes[-HOLES_MAX:]
        self.received += late
        self.late += late
        self.missing -= late
        self.duplicate += after - sequence - late


class Ledger:
    """All accounts; of too many the ones longest unused are forgotten.

    `reported` returns what producers say of themselves, `repaired` what subscribers had to fetch, by topic; `senders`
    is whose frames came over which connection.
    """

    def __init__(
        self,
        reported: Callable[[], Mapping[tuple[bytes, int], Reported]] = dict,
        repaired: Callable[[], Mapping[str, int]] = dict,
        counters: Counters | None = None,
        senders: Senders | None = None,
    ) -> None:
        self._reported, self._repaired = reported, repaired
        self._counters = counters or Counters()
        self.senders = senders if senders is not None else Senders()
        self._accounts: OrderedDict[tuple[bytes, int], Account] = OrderedDict()

    def __len__(self) -> int:
        return len(self._accounts)

    def note(self, run: Run) -> None:
        """Take the frames of one topic out of one turn."""
        for producer, sequence, records in _stretches(run.checked):
            if producer:
                account = self._account(run.topic, producer, sequence)
                if sequence == account.next:
                    account.note(sequence, records)
                else:
                    self._note_break(account, sequence, records)
                if run.error is not None:
                    account.unstored += records

    def page(self, patterns: Sequence[Pattern], after: str | None, count: int) -> tuple[list[Row], str | None]:
        """Return so many rows of topics that match, in order, behind the row `after`; and what to go on after."""
        reported, repaired, accounts = self._reported(), self._repaired(), self._accounts.copy()
        behind = _key(after) if after is not None else (b"", -1)
        keys = (it for it in accounts.keys() | reported.keys() if it > behind and _matches(patterns, it[0]))
        found = nsmallest(count + 1, keys)
        rows: list[Row] = []
        for name, producer in found[:count]:
            topic = name.decode("ascii")
            said, it = reported.get((name, producer), Reported()), accounts.get((name, producer)) or Account(0)
            sampled = max(said.sampled, it.received + it.missing)
            counted = it.received, it.missing, it.late, it.duplicate, it.unstored
            rows.append(Row(topic, producer, *counted, sampled, said.spooled, said.dropped, repaired.get(topic, 0)))
        return rows, _place(rows[-1].topic, rows[-1].producer) if len(found) > count else None

    def _note_break(self, account: Account, sequence: int, records: int) -> None:
        """Take what does not follow on what came before, and count what that means: these counts only grow."""
        missing, late, duplicate = account.missing, account.late, account.duplicate
        account.note(sequence, records)
        counters = self._counters
        counters.records_late += account.late - late
        counters.records_missed += account.missing - missing + account.late - late
        counters.records_duplicate += account.duplicate - duplicate

    def _account(self, topic: bytes, producer: int, sequence: int) -> Account:
        account = self._accounts.get((topic, producer))
        if account is None:
            account = self._accounts[topic, producer] = Account(sequence)
            if len(self._accounts) > ACCOUNTS_MAX:
                self._accounts.popitem(last=False)
        else:
            self._accounts.move_to_end((topic, producer))
        return account


def _matches(patterns: Sequence[Pattern], name: bytes) -> bool:
    topic = name.decode("ascii")
    return any(pattern.matches(topic) for pattern in patterns)


def _key(place: str) -> tuple[bytes, int]:
    """Return what stands at a place; what is none stands where its text does, as nobody made it here."""
    topic, _, producer = place.rpartition(" ")
    try:
        return topic.encode("ascii"), int(producer, 16)
    except ValueError:
        return place.encode(errors="replace"), -1


def _place(topic: str, producer: int) -> str:
    """Return a row's place in their order: a blank stands before all that is in topics."""
    return f"{topic} {producer:016x}"


def _stretches(frames: Sequence[Checked]) -> Iterator[tuple[int, int, int]]:
    """Yield producer, first sequence and records of frames, those that follow on each other as one."""
    producer, first = frames[0][PRODUCER], frames[0][SEQUENCE]
    after = first
    for frame in frames:
        if frame[SEQUENCE] != after or frame[PRODUCER] != producer:
            yield producer, first, after - first
            producer, first = frame[PRODUCER], frame[SEQUENCE]
            after = first
        after += frame[1]
    yield producer, first, after - first
