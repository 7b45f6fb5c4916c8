"""One topic's frames on their way: which is sent next, under which number, and what an answer means. Decides only.

The broker takes a frame only where the one before it ended, and takes the same frame once. So

- frames go in order, and a refused one sends the lane back to it: first the lane waits until all that is under way has
  its answer, so that no answer can be mistaken for that of a later attempt;
- what has had no answer when the connection ends goes again as it was, byte for byte;
- a frame that is given up leaves a hole. What is behind it is not stored, or the broker would not have passed it over;
  it goes on under a new id, from 0;
- where the broker has lost its memory of an id, a frame of which each attempt was refused is not stored, and goes on
  under a new id. One with an attempt that was never answered may be: that stays unknown, and it is not sent again.

What a spool keeps is never given up for a reason that may go by: it waits, however long, under its number. What an
earlier life may have sent comes with that life's id and number, and is in doubt from the start.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable

from mq.client.ack import Stored
from mq.client.batch import Batch, Outcome
from mq.client.flight import Flight, Window
from mq.client.identity import new_producer_id
from mq.client.parcel import Parcel
from mq.errors import Disconnected, MqError, NotStored, Refused, TimedOut, TooLarge, with_word
from mq.frame import Content
from mq.protocol import Nack

PAUSE_S, PAUSE_S_MAX = 0.01, 1.0
# The journal's own words: the broker had found that this frame was due, so no attempt before had been stored.
NOT_STORED = frozenset({"disk_full", "read_only", "files_exhausted", "too_many_topics"})
UNKNOWN = frozenset({"journal_failed", "sequence_overlaps"})
MAY_GO_BY = NOT_STORED | {"journal_failed", "unreadable"}
FORGOTTEN = "the broker does not remember it, or what came before it, any more"


class Lane:
    """`settle` is told each outcome once; `broker` is for the errors' words. The time is handed in, in seconds."""

    def __init__(
        self,
        topic: str,
        broker: str,
        *,
        pack: Callable[[Batch], Content],
        settle: Callable[[Batch, Outcome], None],
        window: Window,
        new_id: Callable[[], int] = new_producer_id,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.topic = topic
        self._broker = broker
        self._pack = pack
        self._settle = settle
        self._new_id = new_id
        self._chance = chance
        self.producer = new_id()
        self._next = 0
        self._waiting: deque[Parcel] = deque()
        self._flying = Flight(window)
        self._again: list[Parcel] = []
        self._leaving = False  # something was given up: what has no number yet gets one under a new id
        self._spent = False  # nothing goes under this id any more
        self._hole: int | None = None  # from this sequence on nothing is stored under the id
        self._resumed: int | None = None  # the id of an earlier life
        self._resumed_hole: int | None = None  # where it was left: from this sequence on nothing is stored under it
        self._refusals = 0
        self._last_word = ""  # of a broker that was too busy
        self.resumes_at = 0.0

    @property
    def idle(self) -> bool:
        """Whether nothing is pending."""
        return not (self._waiting or self._flying or self._again)

    @property
    def handed_over(self) -> int:
        """How many records have come under this id, those that wait for a number included."""
        return self._next + sum(parcel.batch.count for parcel in self._waiting if not parcel.numbered)

    @property
    def oldest_sent_at(self) -> float:
        """When the frame under way was sent that has waited longest; infinity without one."""
        first = self._flying.first
        return float("inf") if first is None else first.sent_at

    # --- what is to be sent

    def add(self, batch: Batch) -> None:
        """Take a batch, behind those that are here."""
        parcel = Parcel(batch)
        if batch.kept is not None and batch.kept.doubt is not None and not self._resume(parcel, *batch.kept.doubt):
            self._settle(batch, self._forgotten(FORGOTTEN))
            return
        self._waiting.append(parcel)

    def next(self, now: float) -> tuple[Content, int, int] | None:
        """Return what is to be sent now, with its sequence and `produced`; None when nothing is, or may be."""
        if self._again or self._spent or now < self.resumes_at:
            return None
        content = self._first_content()
        if content is None or not self._flying.takes(content.size):
            return None
        parcel = self._waiting[0]
        if parcel.numbered:
            return content, parcel.number, parcel.batch.produced
        return None if self._leaving else (content, self._next, parcel.batch.produced)

    @property
    def first(self) -> Batch:
        """What `next` returned belongs to this."""
        return self._waiting[0].batch

    def sent(self, now: float) -> None:
        """Note that what `next` returned has been handed to the socket."""
        parcel = self._waiting.popleft()
        if not parcel.numbered:
            parcel.numbered, parcel.number = True, self._next
            self._next += parcel.batch.count
        parcel.passed_over = False
        parcel.sent_at = now
        self._flying.start(parcel)

    # --- what became of it

    def acknowledged(self, producer: int, sequence: int, stored: Stored, now: float) -> None:
        """Take in an acknowledgement."""
        parcel = self._land(producer, sequence)
        if parcel is not None:
            self._refusals, self._last_word = 0, ""
            self._settle(parcel.batch, stored)
            self._regroup(now)

    def refused(self, nack: Nack, now: float) -> None:
        """Take in a refusal: the frame goes again, or is given up."""
        parcel = self._land(nack.producer, nack.sequence)
        if parcel is None:
            return
        if nack.reason == "busy":
            self._last_word = nack.detail
        if nack.reason == "busy" or (parcel.batch.kept is not None and nack.reason in MAY_GO_BY):
            parcel.in_doubt = parcel.in_doubt or nack.reason in UNKNOWN
            self._again.append(parcel)
        elif nack.reason == "out_of_sequence":
            self._pass_over(parcel, nack)
        elif nack.reason == "unknown_producer":
            self._spent = True
            self._again.append(parcel)
        else:
            self._give_up(parcel, nack)
        self._regroup(now)

    def disconnected(self, now: float) -> None:
        """Note that no answer will come to what is under way: it goes again."""
        for parcel in self._flying.abort():
            parcel.in_doubt = True
            self._again.append(parcel)
        self._regroup(now, pause=False)

    def expire(self, now: float, seconds: float) -> None:
        """Give up what has been tried for too long, `seconds` from when it was handed over."""
        while (parcel := self._flying.first) is not None and parcel.batch.give_up_at <= now:
            self._flying.land(parcel.number)
            self._give_up_unknown(parcel, seconds)
        while self._waiting and self._waiting[0].batch.give_up_at <= now:
            self._give_up_waiting(self._waiting.popleft(), seconds)
        self._regroup(now)

    def end(self) -> None:
        """Give up everything, as the producer is closed."""
        for parcel in sorted(self._flying.abort() + self._again, key=_number):
            self._give_up_unknown(parcel, 0.0)
        for parcel in self._waiting:
            self._give_up_waiting(parcel, 0.0)

    def fail(self, error: MqError) -> None:
        """Give up everything, as its thread has died."""
        for parcel in (*self._flying.abort(), *self._again, *self._waiting):
            self._settle(parcel.batch, error)

    # --- the decisions

    def _resume(self, parcel: Parcel, producer: int, number: int) -> bool:
        """Take up what an earlier life may have sent; return False where nobody can be asked whether it is stored."""
        if self._resumed is None and self.idle:
            self._resumed = self.producer = producer
        if producer != self.producer:  # left: what is not behind its hole may be stored, and the broker forgot
            return self._resumed_hole is not None and number >= self._resumed_hole
        parcel.numbered, parcel.number, parcel.in_doubt = True, number, True
        self._next = number + parcel.batch.count
        return True

    def _first_content(self) -> Content | None:
        """Return what the first that waits carries; one that is too large for a frame is split, or fails."""
        while self._waiting:
            parcel = self._waiting[0]
            if parcel.content is None:
                try:
                    parcel.content = self._pack(parcel.batch)
                except TooLarge as error:
                    self._waiting.popleft()
                    self._split_or_fail(parcel.batch, error)
                    continue
            return parcel.content
        return None

    def _split_or_fail(self, batch: Batch, error: TooLarge) -> None:
        halves = batch.split()
        if halves is None:
            self._settle(batch, error)
        else:
            self._waiting.extendleft(Parcel(half) for half in reversed(halves))

    def _land(self, producer: int, sequence: int) -> Parcel | None:
        """Return the parcel that an answer is for. Answers to what was given up find none."""
        return self._flying.land(sequence) if producer == self.producer else None

    def _pass_over(self, parcel: Parcel, nack: Nack) -> None:
        """Something before it is missing, so it is not stored. Where one behind it was due, the answer is nonsense."""
        if nack.expected is not None and nack.expected > parcel.number:
            self._spent = True
            self._settle(parcel.batch, _unclear(nack))
            return
        parcel.in_doubt = False
        parcel.passed_over = True
        self._again.append(parcel)

    def _give_up(self, parcel: Parcel, nack: Nack) -> None:
        if nack.reason in UNKNOWN:
            self._leaving = True
            self._settle(parcel.batch, _unclear(nack))
        elif parcel.in_doubt and nack.reason not in NOT_STORED:
            self._leaving = True
            self._settle(parcel.batch, self._forgotten(f"when it was sent again, the answer was {nack.reason}"))
        else:
            self._leave_hole(parcel.number)
            self._settle(parcel.batch, Refused(nack.reason, nack.detail))

    def _give_up_unknown(self, parcel: Parcel, seconds: float) -> None:
        self._leaving = True
        self._settle(parcel.batch, TimedOut(self._what(), seconds))

    def _give_up_waiting(self, parcel: Parcel, seconds: float) -> None:
        if parcel.in_doubt:
            self._give_up_unknown(parcel, seconds)
        elif not parcel.numbered:
            why = with_word("never sent, as no broker took it in time", self._last_word)
            self._settle(parcel.batch, NotStored(self._what(), seconds, why))
        else:
            self._leave_hole(parcel.number)
            why = with_word("the broker was too busy to take it", self._last_word)
            self._settle(parcel.batch, NotStored(self._what(), seconds, why))

    def _leave_hole(self, sequence: int) -> None:
        self._spent = True
        self._hole = sequence if self._hole is None else min(self._hole, sequence)

    def _regroup(self, now: float, *, pause: bool = True) -> None:
        """Once everything has its answer: put what goes again before what waits, under a new id if the old is spent."""
        if self._flying:
            return
        again, self._again = sorted(self._again, key=_number), []
        if again and again[0].passed_over:
            self._leave_hole(again[0].number)
        self._waiting.extendleft(reversed(again))
        has_numbers = bool(self._waiting) and self._waiting[0].numbered
        if self._spent or (self._leaving and not has_numbers):
            self._take_new_id()
        if again and pause:
            self._pause(now)

    def _take_new_id(self) -> None:
        """Begin at 0. What has a number is not stored, or is in doubt and stays so: it cannot be asked for any more."""
        moved: list[Parcel] = []
        while self._waiting and self._waiting[0].numbered:
            parcel = self._waiting.popleft()
            if parcel.in_doubt and (self._hole is None or parcel.number < self._hole):
                self._settle(parcel.batch, self._forgotten(FORGOTTEN))
            else:
                parcel.renew()
                moved.append(parcel)
        self._waiting.extendleft(reversed(moved))
        if self.producer == self._resumed:
            self._resumed_hole = self._hole
        self.producer = self._new_id()
        self._next = 0
        self._leaving = self._spent = False
        self._hole = None

    def _pause(self, now: float) -> None:
        """Wait a little before the next attempt: longer each time, and each lane another while."""
        longest = min(PAUSE_S * 2**self._refusals, PAUSE_S_MAX)
        self._refusals = min(self._refusals + 1, 16)
        self.resumes_at = now + longest * (0.5 + self._chance() / 2)

    def _what(self) -> str:
        return f"records for {self.topic}"

    def _forgotten(self, why: str) -> Disconnected:
        return Disconnected(self._broker, f"{self._what()}; {why}")


def _number(parcel: Parcel) -> int:
    return parcel.number


def _unclear(nack: Nack) -> Refused:
    return Refused(nack.reason, f"{nack.detail}; whether the records are stored is unknown")
