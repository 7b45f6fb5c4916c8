"""The rule of sequences: a retry is stored once, nothing is passed over, and what is forgotten is never guessed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mq.broker import sequences
from mq.broker.sequences import Draft, Refusal, Sent, Sequences, TopicMemory

ANN, BOB = 7, 8
TOPIC = b"t"
Frame = tuple[int, int, int, int]  # producer, sequence, count, crc


def stored(*frames: tuple[int, int, int]) -> TopicMemory:
    """Return a memory of frames: producer, sequence, count; each at the offset after the one before it."""
    memory, offset = TopicMemory(), 0
    for producer, sequence, count in frames:
        memory.note(Sent(producer, sequence, count, crc_of(producer, sequence), offset))
        offset += count
    return memory


def crc_of(producer: int, sequence: int) -> int:
    return producer * 1_000 + sequence


def judge(memory: TopicMemory, producer: int, sequence: int, count: int = 1, crc: int | None = None) -> object:
    found = Draft(memory).judge(producer, sequence, count, crc_of(producer, sequence) if crc is None else crc)
    return (found.reason, found.expected) if isinstance(found, Refusal) else found and found.offset


MEMORY = stored((ANN, 0, 3), (BOB, 0, 1), (ANN, 3, 2))


@pytest.mark.parametrize(
    ("producer", "sequence", "count", "crc", "verdict"),
    [
        (ANN, 5, 1, None, None),
        (ANN, 0, 3, None, 0),
        (ANN, 3, 2, None, 4),
        (BOB, 0, 1, None, 3),
        (ANN, 6, 1, None, ("out_of_sequence", 5)),
        (BOB, 2, 1, None, ("out_of_sequence", 1)),
        (ANN, 3, 2, 1, ("sequence_overlaps", 5)),
        (ANN, 3, 1, None, ("sequence_overlaps", 5)),
        (ANN, 4, 1, None, ("sequence_overlaps", 5)),
        (ANN, 4, 3, None, ("sequence_overlaps", 5)),
        (ANN, 2, 3, None, ("sequence_overlaps", 5)),
        (9, 0, 1, None, None),
        (9, 1, 1, None, ("unknown_producer", None)),
        (0, 77, 1, None, None),
    ],
)
def test_a_frame_is_judged_by_what_its_producer_sent_before(
    producer: int, sequence: int, count: int, crc: int | None, verdict: object
) -> None:
    assert judge(MEMORY, producer, sequence, count, crc) == verdict


def test_frames_of_one_turn_are_held_against_each_other_and_count_once_stored() -> None:
    memory = stored((ANN, 0, 3))
    draft = Draft(memory)
    assert draft.judge(ANN, 3, 2, 33) is None
    assert draft.judge(0, 0, 5, 1) is None
    assert draft.judge(ANN, 5, 1, 55) is None
    repeated = draft.judge(ANN, 3, 2, 33)
    assert isinstance(repeated, Sent)
    assert draft.offset_of(repeated) is None
    assert memory.life(ANN) is not None
    assert judge(memory, ANN, 5) == ("out_of_sequence", 3)
    draft.commit(100)
    assert draft.offset_of(repeated) == 100
    assert judge(memory, ANN, 3, 2, 33) == 100
    assert judge(memory, ANN, 5, 1, 55) == 107


def test_what_was_not_stored_leaves_no_trace() -> None:
    memory = stored((ANN, 0, 3))
    assert Draft(memory).judge(ANN, 3, 2, 33) is None
    assert judge(memory, ANN, 5) == ("out_of_sequence", 3)
    assert judge(memory, ANN, 3) is None


def test_a_frame_that_is_forgotten_is_not_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequences, "FRAMES_MAX", 3)
    memory = stored(*((ANN, number, 1) for number in range(5)), (BOB, 0, 1))
    assert judge(memory, ANN, 0) == ("unknown_producer", 5)
    assert judge(memory, ANN, 3) == 3
    assert judge(memory, ANN, 5) is None


def test_a_producer_that_is_forgotten_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequences, "PRODUCERS_MAX", 2)
    memory = stored((ANN, 0, 1), (BOB, 0, 1), (ANN, 1, 1), (9, 0, 1))
    assert judge(memory, BOB, 1) == ("unknown_producer", None)
    assert judge(memory, ANN, 2) is None
    memory.note(Sent(9, 1, 1, 0, 9))
    assert judge(memory, ANN, 1) == 2


def test_of_topics_the_one_longest_unused_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequences, "TOPICS_MAX", 2)
    asked: list[bytes] = []

    def tail(topic: bytes) -> Iterator[Sent]:
        asked.append(topic)
        yield Sent(ANN, 0, 4, 1, 0)

    every = Sequences(tail)
    for topic in (b"a", b"b", b"a", b"c", b"a", b"b"):
        assert every.draft(topic).judge(ANN, 0, 4, 1) == Sent(ANN, 0, 4, 1, 0)
    assert asked == [b"a", b"b", b"c", b"b"]


# --- anything in any order ----------------------------------------------------------------------------------------


@dataclass
class World:
    """A log, and what is remembered of it: all of it anew after a restart, as far as its last `tail` frames."""

    log: list[Sent] = field(default_factory=list)
    memory: TopicMemory = field(default_factory=TopicMemory)

    @property
    def end(self) -> int:
        """The next offset."""
        return self.log[-1].offset + self.log[-1].count if self.log else 0

    def send(self, frames: list[Frame], *, fails: bool) -> list[object]:
        """Judge frames as one turn; store those that are to be, unless the journal fails; return the verdicts."""
        draft, new = Draft(self.memory), []
        verdicts: list[object] = []
        for frame in frames:
            verdict = draft.judge(*frame)
            verdicts.append(verdict)
            if verdict is None:
                new.append(Sent(*frame, 0))
        if fails:
            return verdicts
        draft.commit(self.end)
        for sent in new:
            self.log.append(sent._replace(offset=self.end))
        return verdicts

    def restart(self, tail: int) -> None:
        """Forget all, and read the end of the log."""
        self.memory = TopicMemory(self.log[len(self.log) - min(tail, len(self.log)) :])


frame = st.tuples(st.sampled_from([ANN, BOB]), st.integers(0, 8), st.integers(1, 3), st.integers(0, 1))
turn = st.tuples(st.lists(frame, max_size=5), st.booleans())


@given(st.lists(st.one_of(turn, st.integers(0, 6)), max_size=20))
def test_whatever_is_sent_a_log_has_each_sequence_once_and_without_holes(
    steps: list[tuple[list[Frame], bool] | int],
) -> None:
    """But for what a restart has made unknown: then a producer begins at 0 again, and only there."""
    world = World()
    for step in steps:
        if isinstance(step, int):
            world.restart(step)
            continue
        frames, fails = step
        for sent, verdict in zip(frames, world.send(frames, fails=fails), strict=True):
            if isinstance(verdict, Sent) and not fails:
                assert any(tuple(each)[:4] == sent for each in world.log), "acknowledged, and not there"
    for producer in (ANN, BOB):
        due = 0
        for each in (each for each in world.log if each.producer == producer):
            assert each.sequence in (due, 0)
            due = each.next
