"""The producer's lane and a model of the broker: whatever is lost on the way, what is acknowledged is stored once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from lane_world import World

from mq.broker import sequences
from mq.client.ack import Stored
from mq.errors import Disconnected, NotStored, Refused, TimedOut

UNKNOWN = {"journal_failed", "sequence_overlaps", "out_of_sequence"}
FOR_EVER_S = 1e9
few = st.integers(1, 4)
many = st.integers(0, 12)


class Sending(RuleBasedStateMachine):
    """Every rule is something that can happen; at the end all is healed, and everything has its answer."""

    ALL = True  # also what may leave an outcome unknown

    def __init__(self) -> None:
        super().__init__()
        self.world = World()

    @rule(records=st.integers(1, 3), patience_s=st.sampled_from([5.0, FOR_EVER_S]))
    def hand_over(self, records: int, patience_s: float) -> None:
        """Send some records."""
        self.world.hand_over(records, patience_s if self.ALL else FOR_EVER_S)

    @rule(frames=few)
    def send(self, frames: int) -> None:
        """Put frames onto the wire."""
        self.world.send(frames)

    @rule(frames=few)
    def store(self, frames: int) -> None:
        """Let the broker take frames."""
        self.world.turn(frames)

    @precondition(lambda self: self.ALL)
    @rule(frames=few, busy=st.integers(1, 15))
    def be_busy(self, frames: int, busy: int) -> None:
        """Let the broker take some, and have no room for others."""
        self.world.turn(frames, busy=busy)

    @precondition(lambda self: self.ALL)
    @rule(frames=few, refused=st.integers(1, 15))
    def refuse(self, frames: int, refused: int) -> None:
        """Let the broker take some, and refuse others as they are, without a look at their sequence."""
        self.world.turn(frames, busy=refused, word="too_large")

    @precondition(lambda self: self.ALL)
    @rule(frames=few, fails=st.sampled_from(["disk_full", "journal_failed"]))
    def fail(self, frames: int, fails: str) -> None:
        """Let the broker's disk fail."""
        self.world.turn(frames, fails=fails)

    @rule(answers=few)
    def answer(self, answers: int) -> None:
        """Let answers arrive."""
        self.world.answer(answers)

    @precondition(lambda self: self.ALL)
    @rule()
    def lose_an_answer(self) -> None:
        """Drop an answer, as for a client that does not read."""
        self.world.answer(1, lost=True)

    @rule(arriving=st.integers(0, 4))
    def disconnect(self, arriving: int) -> None:
        """End the connection."""
        self.world.disconnect(arriving)

    @precondition(lambda self: not self.world.forgets_a_beginning())
    @rule()
    def restart(self) -> None:
        """Start the broker again."""
        self.world.disconnect(0)
        self.world.model.restart()

    @precondition(lambda self: self.ALL)
    @rule(frames=st.integers(0, 3))
    def cut_power(self, frames: int) -> None:
        """Take the broker's power away, and the end of its log."""
        if not self.world.forgets_a_beginning(frames):
            self.world.cut_power(frames)

    @precondition(lambda self: self.ALL)
    @rule(frames=many)
    def others_write(self, frames: int) -> None:
        """Push ours out of the broker's memory, by other producers' frames."""
        self.world.model.foreign(frames)

    @rule(seconds=st.sampled_from([0.01, 1.0, 6.0]))
    def wait(self, seconds: float) -> None:
        """Let time go by, for some batches too much of it."""
        self.world.wait(seconds)

    @invariant()
    def nothing_is_stored_twice(self) -> None:
        """Find no record in the log twice, whatever was said of it."""
        ours = [record for record in self.world.model.log if record != b"foreign"]
        assert len(ours) == len(set(ours))

    def teardown(self) -> None:
        """Heal everything, and look at every answer."""
        for _ in range(100):
            if self.world.lane.idle:
                break
            self.world.send(100)
            self.world.turn(100)
            self.world.answer(100)
            self.world.wait(1.0)
            if self.world.lane.oldest_sent_at < self.world.now - 3:
                self.world.disconnect(0)
        self.nothing_is_stored_twice()
        self.everything_has_its_answer_and_each_is_true()

    def everything_has_its_answer_and_each_is_true(self) -> None:
        """Find that each batch was told one thing, and that the log agrees."""
        world, log = self.world, self.world.model.log
        last = -1
        for batch, records in zip(world.sent, world.bodies, strict=True):
            outcome = world.told[batch]
            if isinstance(outcome, Stored):
                if batch not in world.lost_to_power:
                    assert log[outcome.offset : outcome.offset + len(records)] == records
                    assert outcome.offset > last
                    last = outcome.offset
            elif isinstance(outcome, NotStored) or (isinstance(outcome, Refused) and outcome.reason not in UNKNOWN):
                assert not set(records) & set(log)
            else:
                assert self.ALL, "nothing has happened that would excuse it"
                assert isinstance(outcome, (TimedOut, Disconnected, Refused))


@pytest.fixture(autouse=True, scope="module")
def a_short_memory() -> Iterator[None]:
    """Make the broker remember twice as many frames as a lane has under way: as few as the real one, in proportion."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sequences, "FRAMES_MAX", 8)
        yield


class KnownOutcomes(Sending):
    """Only connections that end, and restarts: no outcome may be unknown then."""

    ALL = False


TestKnownOutcomes = KnownOutcomes.TestCase
TestKnownOutcomes.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
TestSending = Sending.TestCase
TestSending.settings = settings(max_examples=400, stateful_step_count=40, deadline=None)
