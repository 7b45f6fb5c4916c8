"""Sharing topics' records with other processes under one name: each record is given to one of them at a time.

For one thread. A member asks for records when it has none left, so what waits in it is little.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from types import TracebackType

from mq.client.consumer import check_name, label
from mq.client.identity import new_producer_id
from mq.client.link import ASK_AGAIN_S, TIMEOUT_S, Link
from mq.client.message import Message, batch_of
from mq.client.tally import ROWS_MAX, Row, Tally, rows_of
from mq.errors import FrameRefused, Gap, MqError, Refused, Rewound, Trimmed, Unreachable
from mq.frame import Frame, split
from mq.protocol import Agreed, Fetch, Frames, Join, Lease, Leased, Leave, Settle, Settled
from mq.topic import Pattern

RECORDS_A_LEASE = 100
LEASE_S = 30
LOOK_EVERY_S = 0.1
TELL_EVERY_S = 0.1
CREDIT_BYTES = 256 << 10


class SharedConsumer:
    """Iterate over it, or call `receive`; then call `done` for each record, or `release`.

    A record that is released, or whose holder dies, leaves or is silent for `seconds`, is given to another member: in
    the end it becomes one of the topic ``_mq/dead/NAME``. What cannot be had is raised (`Gap`, `Trimmed`) and settled.
    A `consumer` that cannot be a name is refused at once (`BadName`).
    """

    def __init__(
        self,
        broker: str,
        patterns: str | Sequence[str],
        consumer: str,
        *,
        count: int = RECORDS_A_LEASE,
        seconds: int = LEASE_S,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._patterns = [patterns] if isinstance(patterns, str) else list(patterns)
        for pattern in self._patterns:
            Pattern.parse(pattern)
        check_name(consumer)
        self.name = consumer
        self._count, self._seconds = count, seconds
        self._member = new_producer_id()
        self._tally = Tally()
        self._rows: deque[Row] = deque()
        self._ready: deque[Message | MqError] = deque()
        self._joined = False
        self._next_renewal = self._next_telling = 0.0
        self._link = Link(broker, timeout_s)

    def receive(self, timeout: float | None = None) -> Message | None:
        """Return the next record, None when none comes within `timeout` seconds. Waits for a broker that is away."""
        deadline = float("inf") if timeout is None else time.monotonic() + timeout
        while True:
            try:
                self._renew()
                if self._fill():
                    return self._hand_out()
            except Unreachable:
                pass
            except Refused as error:
                if error.reason not in ("fenced", "no_consumer"):
                    raise
                self._begin_anew()
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            time.sleep(min(LOOK_EVERY_S, left))

    def done(self, message: Message) -> None:
        """Settle a record: it is given to nobody again, once the broker knows, a tenth of a second later at most.

        At once after `flush`. Raises `Refused` (`fenced`) for one that is not held any more.
        """
        self._tally.done(message)
        self._tell_if_due()

    def release(self, message: Message) -> None:
        """Give a record back, to be tried again, here or elsewhere. Raises as `done` does."""
        self._tally.failed(message)
        self._tell_if_due()

    def flush(self) -> None:
        """Let the broker know what has been settled. Raises `Refused` (`fenced`) where somebody else was given it."""
        for done, failed in self._tally.pages():
            self._settle(done, failed, [])
        self._tally.told()
        self._next_telling = time.monotonic() + TELL_EVERY_S

    def renew(self) -> None:
        """Say that work goes on: to be called at times where one record takes as long as a lease."""
        self._next_renewal = 0.0
        self._renew()

    def __iter__(self) -> Iterator[Message]:
        return self

    def __next__(self) -> Message:
        while True:
            message = self.receive()
            if message is not None:
                return message

    def close(self) -> None:
        """Tell what is settled, give back what was not handed out, and leave."""
        with suppress(MqError):
            if self._joined:
                self.flush()
                self._give_back()
                self._link.ask(Leave(self._link.number(), self.name, self._member), Agreed)
        self._joined = False
        self._link.close()

    def __enter__(self) -> SharedConsumer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _renew(self) -> None:
        """Take part, or say that it goes on."""
        if time.monotonic() < self._next_renewal:
            return
        number, name = self._link.number(), self.name
        seconds, renew = self._seconds, self._joined
        join = Join(number, name, self._member, label(), self._patterns, shared=True, seconds=seconds, renew=renew)
        self._link.ask(join, Agreed)
        self._joined = True
        self._next_renewal = time.monotonic() + self._seconds / 3

    def _fill(self) -> bool:
        """Whether something is ready, after asking for it."""
        while not self._ready:
            if not self._rows:
                self.flush()
                self._lease()
                if not self._rows and not self._ready:
                    return False
            if self._rows:
                self._fetch(self._rows.popleft())
        return True

    def _hand_out(self) -> Message:
        found = self._ready.popleft()
        if isinstance(found, MqError):
            raise found
        self._tally.hand_out(found)
        return found

    def _lease(self) -> None:
        """Ask for records. Where an answer did not come, they may have been given out: then these are asked for."""
        deadline = time.monotonic() + self._link.timeout_s
        again = False
        while (left := deadline - time.monotonic()) > 0:
            request = Lease(self._link.number(), self.name, self._member, self._count, again)
            self._link.send(request)
            reply = self._link.receive(Leased, request.id, min(left, ASK_AGAIN_S))
            if reply is not None:
                self._rows.extend(row[:3] for row in reply.leases)
                self._ready.extend(Trimmed(topic, due, first) for topic, due, first in reply.trimmed)
                return
            again = True
        raise Unreachable(self._link.broker, self._link.timeout_s)

    def _fetch(self, row: Row) -> None:
        """Fetch some of what was leased; what is left of it comes next."""
        topic, first, stop = row
        try:
            reply = self._link.ask(Fetch(self._link.number(), topic, first, None, CREDIT_BYTES), Frames)
        except Trimmed as error:
            self._skip(error, topic, first, min(stop, error.first_kept), stop)
            return
        except Rewound:
            return
        except MqError:
            self._rows.appendleft(row)
            raise
        if reply.lost is not None and reply.lost > first:
            until = min(stop, reply.lost)
            self._skip(Gap(topic, first, until), topic, first, until, stop)
            return
        for frame in split(reply.frames):
            try:
                part = batch_of(frame).part(first, stop)
            except FrameRefused as error:
                self._leave_to_others(error, frame, first, stop)
                continue
            if part is not None:
                self._ready.extend(message for message in part.messages() if not self._tally.has(message))
        if first < reply.next < stop:
            self._rows.appendleft([topic, reply.next, stop])

    def _skip(self, error: MqError, topic: str, first: int, until: int, stop: int) -> None:
        """Settle what cannot be had, and go on behind it."""
        if until < stop:
            self._rows.appendleft([topic, until, stop])
        self._ready.append(error)
        self._settle([[topic, first, until]], [], [])

    def _leave_to_others(self, error: FrameRefused, frame: Frame, first: int, stop: int) -> None:
        """Give back what cannot be unpacked here: somebody else may have what it takes."""
        self._ready.append(error)
        row = [frame.topic, max(first, frame.header.offset), min(stop, frame.header.next_offset)]
        self._settle([], [row], [])

    def _tell_if_due(self) -> None:
        """Tell what there is. A broker that is away is waited for once, and then not again for as long."""
        if time.monotonic() >= self._next_telling:
            try:
                self.flush()
            except Unreachable:
                self._next_telling = time.monotonic() + self._link.timeout_s

    def _settle(self, done: list[Row], failed: list[Row], unused: list[Row]) -> None:
        request = Settle(self._link.number(), self.name, self._member, done, failed, unused)
        unheld = self._link.ask(request, Settled).unheld
        if unheld:
            self._tally.told()
            topic, first, stop = unheld[0]
            why = f"{topic} offsets {first} to {stop - 1} are not held any more: somebody else is given them"
            raise Refused("fenced", why)

    def _give_back(self) -> None:
        waiting = [(each.topic, each.offset or 0) for each in self._ready if isinstance(each, Message)]
        rows = [*rows_of(waiting), *self._rows]
        for start in range(0, len(rows), ROWS_MAX):
            self._settle([], [], rows[start : start + ROWS_MAX])

    def _begin_anew(self) -> None:
        """Take part again after having been given up: nothing is held any more."""
        self._joined = False
        self._next_renewal = 0.0
        self._rows.clear()
        self._ready.clear()
        self._tally.forget()
