"""How much is read for clients that have not taken what they were sent, and who waits meanwhile."""

from __future__ import annotations

from collections import Counter
from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mq.broker.control import Job
from mq.broker.parked import Parked
from mq.broker.unread import SMALL_SLICE_BYTES, Lent, Unread
from mq.protocol import Fetch

MAX, SLICE, FRAME = 4 << 20, 64 << 10, 1 << 20
CLIENTS = [b"%d" % number for number in range(400)]
ANN, BOB = b"ann", b"bob"


def job(client: bytes, number: int = 1) -> Job:
    return Job(client, Fetch(number, "a", 0))


def fill(unread: Unread, clients: list[bytes]) -> None:
    """Read for clients that take nothing, as long as they are given something."""
    for client in clients:
        while size := unread.room(client, SLICE):
            unread.lend(client, size)


def test_one_client_alone_has_several_slices_ahead_and_no_more_than_its_share() -> None:
    unread = Unread(MAX)
    fill(unread, [ANN])
    assert MAX // 32 < unread.held <= MAX // 2 // 8


def test_beside_hundreds_that_take_nothing_a_client_is_given_small_slices_and_all_stay_within_the_bound() -> None:
    unread = Unread(MAX)
    fill(unread, CLIENTS[:100])
    assert unread.room(ANN, SLICE) == SMALL_SLICE_BYTES
    unread.lend(ANN, SMALL_SLICE_BYTES)
    assert unread.room(ANN, SLICE) == 0
    unread.taken(ANN, SMALL_SLICE_BYTES)
    assert unread.room(ANN, SLICE) == SMALL_SLICE_BYTES
    fill(unread, CLIENTS)
    assert MAX - SMALL_SLICE_BYTES < unread.held <= MAX


def test_what_is_lent_tells_when_nobody_holds_it_any_more() -> None:
    told: list[bool] = []
    lent = Lent(b"answer", lambda: told.append(True))
    view: Any = memoryview(lent)
    del lent
    assert not told
    view.release()
    del view
    assert told == [True]


def test_a_job_goes_on_when_its_client_has_room_or_else_that_of_one_who_has() -> None:
    free: set[bytes] = set()
    parked = Parked(lambda client: client in free)
    for each in (job(ANN, 1), job(BOB, 2), job(ANN, 3)):
        parked.put(each)
    assert parked.next(ANN) is None
    free.add(BOB)
    assert parked.next(ANN) == job(BOB, 2)
    assert parked.next(ANN) is None
    free.add(ANN)
    assert [parked.next(ANN), parked.next(BOB)] == [job(ANN, 1), job(ANN, 3)]
    assert parked.next(ANN) is None


def test_of_many_that_wait_each_is_looked_at_in_its_turn() -> None:
    free: set[bytes] = set()
    parked = Parked(lambda client: client in free)
    for client in CLIENTS:
        parked.put(job(client))
    free.add(CLIENTS[-1])
    found = [parked.next(ANN) for _ in range(len(CLIENTS) // 8)]
    assert found == [None] * (len(found) - 1) + [job(CLIENTS[-1])]


class Readers(RuleBasedStateMachine):
    """Any clients ask, and take what they were sent or do not: the bound holds, and who has taken all is served."""

    def __init__(self) -> None:
        super().__init__()
        self.unread = Unread(MAX)
        self.sent: list[tuple[bytes, int]] = []

    @rule(client=st.sampled_from(CLIENTS[:40]), size=st.integers(1, FRAME))
    def ask(self, client: bytes, size: int) -> None:
        """Read up to what there is room for; a single frame may be larger."""
        room = self.unread.room(client, SLICE)
        own = self.own()[client]
        assert room or own or self.unread.held + SMALL_SLICE_BYTES > MAX
        if room:
            self.unread.lend(client, size)
            self.sent.append((client, size))

    @rule(data=st.data())
    def take(self, data: st.DataObject) -> None:
        """Let a client take something, in any order."""
        if self.sent:
            self.unread.taken(*self.sent.pop(data.draw(st.integers(0, len(self.sent) - 1))))

    @invariant()
    def holds(self) -> None:
        """All is counted, and within the bound, but for one frame."""
        assert self.unread.held == self.own().total()
        assert self.unread.held <= MAX + FRAME

    def own(self) -> Counter[bytes]:
        """Count what each has not taken."""
        own: Counter[bytes] = Counter()
        for client, size in self.sent:
            own[client] += size
        return own


TestReaders = Readers.TestCase
TestReaders.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
