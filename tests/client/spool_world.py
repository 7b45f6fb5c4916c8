"""A spool on real files, the lane that it feeds, and a model of the broker: for lives of producers that are killed."""

from __future__ import annotations

from collections import deque
from itertools import count
from pathlib import Path

from lane_world import TOPIC, Answer, Model

from mq.body import unpack
from mq.client.ack import Stored
from mq.client.batch import Batch, Outcome
from mq.client.flight import Window
from mq.client.lanes import Lane
from mq.client.spool import Spool
from mq.client.spool_writer import SpoolLimits
from mq.errors import MqError, StillSpooled
from mq.frame import Content, Wanted, pack, seal
from mq.protocol import Nack

ROOM_FRAMES = 3


class SpoolWorld:
    """One topic. `kept` are the records of each `keep` that has returned, in order."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.model = Model()
        self.kept: list[list[bytes]] = []
        self.given_up: set[bytes] = set()
        self.now = 0.0
        self._ids = count(100)
        self._records = count(10_000)
        self.begin()

    def begin(self) -> None:
        """Begin a life."""
        self.spool = Spool(str(self.directory), SpoolLimits(bytes_max=4 << 20, drain_bytes_s=1 << 40), Wanted.WRITTEN)
        self._in_memory = 0
        self._full: list[Batch] = []
        self._outcomes: list[tuple[Batch, Outcome]] = []
        self._there: deque[bytes] = deque()
        self._back: deque[Answer] = deque()
        self.lane = Lane(
            TOPIC,
            "tcp://broker",
            pack=_content,
            settle=lambda batch, outcome: self._outcomes.append((batch, outcome)),
            window=Window(frames_max=4),
            new_id=lambda: next(self._ids),
            chance=lambda: 0.5,
        )

    def kill(self, arriving: int, cut: int = 0) -> None:
        """End a life anywhere; of what is on the wire the first `arriving` frames still come to the broker.

        Of the file that is being written the last `cut` bytes are lost, as in a loss of power.
        """
        self.turn(arriving)
        last = max(self.directory.glob("@*.frames"))
        self.spool._files.close()
        if cut:
            with last.open("r+b") as file:
                file.truncate(max(0, last.stat().st_size - cut))
        self.begin()

    def keep(self, records: int) -> None:
        """Send records in a frame."""
        bodies = [b"%d" % next(self._records) for _ in range(records)]
        batch = Batch(TOPIC, 0, produced=len(self.kept), due=0.0, give_up_at=float("inf"))
        batch.whole, batch.count = True, records
        content = pack(TOPIC, bodies)
        goes = self.spool.keep(batch, content, has_room=self._in_memory < ROOM_FRAMES)
        assert goes is not None
        self.kept.append(bodies)
        if goes:
            self._in_memory += 1
            batch.content = content
            self._full.append(batch)

    def send(self, frames: int) -> None:
        """Put frames on the wire, as far as there are some."""
        self._tell()
        fed, _ = self.spool.feed(self.now, self._takes)
        batches, self._full = self._full + fed, []
        for batch in batches:
            self.lane.add(batch)
        for _ in range(frames):
            found = self.lane.next(self.now)
            if found is None:
                return
            content, sequence, produced = found
            batch, producer = self.lane.first, self.lane.producer
            if not self.spool.may_send(batch, producer, sequence):
                self._tell()
                if not self.spool.may_send(batch, producer, sequence):
                    return
            self._there.append(
                seal(content, produced=produced, producer=producer, sequence=sequence, wanted=Wanted.WRITTEN)
            )
            self.lane.sent(self.now)

    def turn(self, frames: int, *, busy: int = 0, word: str = "busy", fails: str = "") -> None:
        """Let the broker take so many frames off the wire."""
        taken = [self._there.popleft() for _ in range(min(frames, len(self._there)))]
        self._back += self.model.turn(taken, busy=busy, word=word, fails=fails)

    def answer(self, answers: int) -> None:
        """Let so many answers arrive."""
        for _ in range(min(answers, len(self._back))):
            answer = self._back.popleft()
            if isinstance(answer, Nack):
                self.lane.refused(answer, self.now)
            else:
                self.lane.acknowledged(answer.producer, answer.sequence, Stored(answer.offset, "written"), self.now)
        self._tell()

    def disconnect(self, arriving: int) -> None:
        """End the connection."""
        self.turn(arriving)
        self._there.clear()
        self._back.clear()
        self.lane.disconnected(self.now)

    def forgets_a_beginning(self) -> bool:
        """Whether a restart would make the broker forget a life whose first frame may come again: the rule's limit."""
        tail = {each.producer for each in self.model.frames[-6:]}
        return any(each.sequence == 0 and each.producer not in tail for each in self.model.frames if each.producer > 1)

    def _takes(self, _: int) -> bool:
        if self._in_memory >= ROOM_FRAMES:
            return False
        self._in_memory += 1
        return True

    def _tell(self) -> None:
        outcomes, self._outcomes = self._outcomes, []
        for batch, outcome in outcomes:
            if isinstance(outcome, MqError) and batch.content is not None:
                self.given_up.update(_records_of(batch.content))
        for batch, outcome in self.spool.settle(outcomes):
            assert not isinstance(outcome, StillSpooled)
            self._in_memory -= 1
            batch.outcome = outcome


def _content(batch: Batch) -> Content:
    assert batch.content is not None
    return batch.content


def _records_of(content: Content) -> list[bytes]:
    return unpack(content.body, content.records, batch=content.batch, codec=content.codec)
