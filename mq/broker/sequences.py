"""Which of a producer's frames a topic has: so that a retry is stored once, and none is passed over. Decides only.

A producer counts its records for a topic from 0. Its frame is taken

- if it begins where the one before it ended, or, of a producer that is not known, at 0;
- not again, if it is the same, byte for byte (by its CRC-32C), as one that is remembered: its offset is the answer.

Else it is refused: `out_of_sequence` where something is missing before it (what was expected is told),
`sequence_overlaps` where it is another frame than what was sent under these numbers, and `unknown_producer` where what
came before it, or it itself, is not remembered any more.

What is remembered of a topic is a tail of its own log: of its frames with acknowledgements the last `FRAMES_MAX`. So it
is found again after a restart, as far as they are among the log's last `TAIL_BYTES`.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

FRAMES_MAX = 2_048
PRODUCERS_MAX = 1_024
TOPICS_MAX = 10_000
TAIL_BYTES = 4 << 20


class Sent(NamedTuple):
    """A frame as its producer sent it, and the offset of its first record."""

    producer: int
    sequence: int
    count: int  # type: ignore[assignment]  # the format's word; nobody counts occurrences in it
    crc: int
    offset: int

    @property
    def next(self) -> int:
        """The sequence that is due behind it."""
        return self.sequence + self.count


class Refusal(NamedTuple):
    """Why a frame is not taken; `expected` is the sequence that was due, where one was."""

    reason: str
    why: str
    expected: int | None = None


@dataclass(slots=True)
class Life:
    """What is remembered of one producer in one topic: the sequence that is due, and its last frames."""

    next: int = 0
    frames: deque[Sent] = field(default_factory=deque)


class TopicMemory:
    """What is remembered of one topic."""

    def __init__(self, tail: Iterable[Sent] = ()) -> None:
        self._lives: OrderedDict[int, Life] = OrderedDict()
        self._order: deque[int] = deque()
        for sent in tail:
            self.note(sent)

    def life(self, producer: int) -> Life | None:
        """Return what is remembered of a producer."""
        return self._lives.get(producer)

    def note(self, sent: Sent) -> None:
        """Remember a frame that was stored; forget what is too much."""
        life = self._lives.get(sent.producer)
        if life is None:
            life = self._lives[sent.producer] = Life()
        else:
            self._lives.move_to_end(sent.producer)
        life.next = sent.next
        life.frames.append(sent)
        self._order.append(sent.producer)
        if len(self._order) > FRAMES_MAX:
            self._forget_oldest_frame()
        if len(self._lives) > PRODUCERS_MAX:
            self._forget_oldest_producer()

    def _forget_oldest_frame(self) -> None:
        self._lives[self._order.popleft()].frames.popleft()

    def _forget_oldest_producer(self) -> None:
        producer, life = self._lives.popitem(last=False)
        if life.frames:
            self._order = deque(each for each in self._order if each != producer)


class Draft:
    """The frames for one topic out of one turn, judged before they are stored; `commit` once they are.

    Offsets of frames in it count from the turn's first record for this topic.
    """

    def __init__(self, memory: TopicMemory) -> None:
        self._memory = memory
        self._due: dict[int, int] = {}
        self._sent: list[Sent] = []
        self._records = 0
        self._begin: int | None = None

    def judge(self, producer: int, sequence: int, count: int, crc: int) -> Sent | Refusal | None:
        """Return None for a frame to be stored, the frame that it repeats, or why it is refused.

        A frame of a producer 0, which has no memory, is always to be stored.
        """
        if producer:
            verdict = self._compare(producer, sequence, count, crc)
            if verdict is not None:
                return verdict
            self._due[producer] = sequence + count
            self._sent.append(Sent(producer, sequence, count, crc, self._records))
        self._records += count
        return None

    def commit(self, offset: int) -> None:
        """Remember what was stored from `offset` on."""
        self._begin = offset
        for sent in self._sent:
            self._memory.note(sent._replace(offset=offset + sent.offset))

    def offset_of(self, sent: Sent) -> int | None:
        """Return the offset of a frame that is repeated, None when that is one of this turn's, and was not stored."""
        if not any(sent is each for each in self._sent):
            return sent.offset
        return None if self._begin is None else self._begin + sent.offset

    def _compare(self, producer: int, sequence: int, count: int, crc: int) -> Sent | Refusal | None:
        life = self._memory.life(producer)
        due = self._due.get(producer, life.next if life is not None else None)
        if due is None:
            unknown = Refusal("unknown_producer", "nothing of what it sent before is remembered")
            return None if sequence == 0 else unknown
        if sequence == due:
            return None
        if sequence > due:
            return Refusal("out_of_sequence", f"sequence {sequence} came where {due} was due", due)
        for sent in (*reversed(self._sent), *reversed(life.frames if life is not None else ())):
            if sent.producer == producer and sent.sequence < sequence + count and sequence < sent.next:
                if (sent.sequence, sent.count, sent.crc) == (sequence, count, crc):
                    return sent
                why = f"sequences {sequence} to {sequence + count - 1} were sent before, as something else"
                return Refusal("sequence_overlaps", why, due)
        return Refusal("unknown_producer", f"what it sent as sequence {sequence} is not remembered any more", due)


class Sequences:
    """The memory of all topics; `tail` tells what a topic's log has of frames with acknowledgements, oldest first."""

    def __init__(self, tail: Callable[[bytes], Iterable[Sent]]) -> None:
        self._tail = tail
        self._topics: OrderedDict[bytes, TopicMemory] = OrderedDict()

    def draft(self, topic: bytes) -> Draft:
        """Begin to judge a topic's frames."""
        memory = self._topics.get(topic)
        if memory is None:
            memory = self._topics[topic] = TopicMemory(self._tail(topic))
            if len(self._topics) > TOPICS_MAX:
                self._topics.popitem(last=False)
        else:
            self._topics.move_to_end(topic)
        return Draft(memory)
