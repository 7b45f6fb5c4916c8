"""Lives of a producer with a spool, killed anywhere: what was kept is in the broker's log once and in order."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from spool_world import SpoolWorld

from mq.broker import sequences
from mq.client import spool_track, spool_writer

few = st.integers(1, 4)


class Spooling(RuleBasedStateMachine):
    """Every rule is something that can happen; at the end all is healed, and everything has arrived."""

    def __init__(self) -> None:
        super().__init__()
        self._directory = tempfile.TemporaryDirectory()
        self.world = SpoolWorld(Path(self._directory.name) / "spool")

    @rule(frames=few, records=st.integers(1, 3))
    def keep(self, frames: int, records: int) -> None:
        """Send some frames."""
        for _ in range(frames):
            self.world.keep(records)

    @rule(frames=few)
    def send(self, frames: int) -> None:
        """Put frames onto the wire."""
        self.world.send(frames)

    @rule(frames=few)
    def store(self, frames: int) -> None:
        """Let the broker take frames."""
        self.world.turn(frames)

    @rule(frames=few, busy=st.integers(1, 15), word=st.sampled_from(["busy", "too_large"]))
    def refuse(self, frames: int, busy: int, word: str) -> None:
        """Let the broker take some, and refuse others."""
        self.world.turn(frames, busy=busy, word=word)

    @rule(frames=few, fails=st.sampled_from(["disk_full", "journal_failed"]))
    def fail(self, frames: int, fails: str) -> None:
        """Let the broker's disk fail."""
        self.world.turn(frames, fails=fails)

    @rule(answers=few)
    def answer(self, answers: int) -> None:
        """Let answers arrive."""
        self.world.answer(answers)

    @rule(arriving=st.integers(0, 4))
    def disconnect(self, arriving: int) -> None:
        """End the connection."""
        self.world.disconnect(arriving)

    @rule(arriving=st.integers(0, 4))
    def kill(self, arriving: int) -> None:
        """Kill the producer, and start the next."""
        self.world.kill(arriving)

    @precondition(lambda self: not self.world.forgets_a_beginning())
    @rule()
    def restart(self) -> None:
        """Start the broker again."""
        self.world.disconnect(0)
        self.world.model.restart()

    @rule(frames=st.integers(0, 12))
    def others_write(self, frames: int) -> None:
        """Push ours out of the broker's memory."""
        self.world.model.foreign(frames)

    @rule(seconds=st.sampled_from([0.01, 2.0]))
    def wait(self, seconds: float) -> None:
        """Let time go by."""
        self.world.now += seconds

    @invariant()
    def nothing_is_stored_twice_or_out_of_order(self) -> None:
        """Find the log in the order in which records were sent, each once."""
        ours = [int(record) for record in self.world.model.log if record != b"foreign"]
        assert ours == sorted(set(ours))

    def teardown(self) -> None:
        """Heal everything, and look at what arrived."""
        world = self.world
        for _ in range(300):
            if world.spool.empty:
                break
            world.send(100)
            world.turn(100)
            world.answer(100)
            world.now += 2.0
            if world.lane.oldest_sent_at < world.now - 4:
                world.disconnect(0)
        assert world.spool.empty
        self.nothing_is_stored_twice_or_out_of_order()
        log = set(world.model.log)
        missing = [record for frame in world.kept for record in frame if record not in log]
        assert set(missing) <= world.given_up
        world.spool.close()
        self._directory.cleanup()


@pytest.fixture(autouse=True, scope="module")
def a_short_memory_and_short_segments() -> Iterator[None]:
    """Make the broker remember twice as many frames as a lane has under way, and a segment hold a few."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sequences, "FRAMES_MAX", 8)
        patch.setattr(spool_track, "SENT_AHEAD", 2)
        patch.setattr(spool_writer, "SEGMENTS", 8_000)  # of half a KB each
        yield


TestSpooling = Spooling.TestCase
TestSpooling.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)
