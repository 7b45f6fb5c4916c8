"""The producer's thread: takes batches, sends their frames, and gives each its answer. `Lane` decides, this does."""

from __future__ import annotations

import time
from functools import partial
from itertools import islice
from math import ceil

import zmq

from mq.client.ack import Stored
from mq.client.batch import Batch, Outcome
from mq.client.dialling import NEVER, Dialling, drain
from mq.client.endpoint import Context
from mq.client.flight import Window
from mq.client.gathering import Gathering
from mq.client.lanes import Lane
from mq.client.packing import Packing
from mq.client.reporting import Reporting
from mq.errors import MqError
from mq.frame import Wanted, seal
from mq.protocol import Acks, Nack

IN_FLIGHT_MAX = 10_000  # frames; should all be refused at once, the broker still keeps each one's answer
LANES_MAX = 10_000  # topics whose sequence is remembered while nothing is pending for them
FORGOTTEN_MAX = 10
ANSWER_S_MAX = 30.0
LOOK_S = 0.2  # how often what takes too long is looked for
WAKE = "inproc://producer"
LEVELS: dict[str, Wanted] = {"written": Wanted.WRITTEN, "durable": Wanted.DURABLE}
ROW = [str, int, int, int, int]
LEVEL_NAMES = {int(wanted): name for name, wanted in LEVELS.items()}


class Sender:
    """Owns the sockets, and belongs to the producer's thread but for its making."""

    def __init__(
        self,
        gathering: Gathering,
        packing: Packing,
        context: Context,
        broker: str,
        wanted: Wanted,
        deliver_s_max: float,
    ) -> None:
        self._gathering = gathering
        self._packing = packing
        self._broker = broker
        self._wanted = wanted
        self._deliver_s_max = deliver_s_max
        self._outcomes: list[tuple[Batch, Outcome]] = []
        self._window = Window()
        self._lanes: dict[str, Lane] = {}
        self._ready: dict[str, Lane] = {}  # those that may have something to send
        self._paused: dict[str, float] = {}
        self._looks_at = NEVER
        self._sleeps_until = NEVER
        self._reporting = Reporting(gathering.spooled)
        self._dialling = Dialling(context, broker)
        self._wake = context.socket(zmq.PULL)
        self._wake.bind(WAKE)

    def run(self) -> None:
        """Send and receive until the producer closes. Whatever ends it, nobody is left waiting."""
        give_up = Lane.end
        try:
            while not self._gathering.closed:
                self._turn()
        except Exception as error:  # noqa: BLE001 - whoever waits for an acknowledgement is told of it
            died = MqError(f"the producer's thread has died of {error!r}; whether this was stored is unknown")
            self._gathering.close(f"this producer has ended by an error: {died}")
            give_up = partial(Lane.fail, error=died)
        self._take(NEVER)
        for lane in self._lanes.values():
            give_up(lane)
        self._gathering.settle(self._outcomes)
        self._gathering.release()
        self._dialling.close()
        self._wake.close()

    def _turn(self) -> None:
        """Wait for something to do, and do it."""
        self._wait()
        now = time.monotonic()
        self._receive(now)
        if self._dialling.is_lost(now) or self._is_overdue(now):
            self._receive(now)
            self._reconnect(now)
        self._dialling.tend(now)
        self._tell()
        self._take(now)
        self._send(now)
        self._tell()
        if now >= self._reporting.due:
            self._report()

    def _report(self) -> None:
        """Tell the broker what only a producer knows. Where that does not go now, the next time tells it."""
        report = self._reporting.report(self._lanes.values())
        if report is not None:
            self._dialling.send(report.encode())

    def _tell(self) -> None:
        """Give answers, and the room of what has its answer."""
        if self._outcomes:
            outcomes, self._outcomes = self._outcomes, []
            self._gathering.settle(outcomes)

    def _wait(self) -> None:
        poller = zmq.Poller()
        poller.register(self._wake, zmq.POLLIN)
        self._dialling.register(poller)
        due = min(self._sleeps_until, self._dialling.due, self._looks_at, self._reporting.due, *self._paused.values())
        left = max(0.0, due - time.monotonic())
        if self._wake in dict(poller.poll(None if left == NEVER else ceil(left * 1000))):
            drain(self._wake)

    def _receive(self, now: float) -> None:
        for answer in self._dialling.receive(now):
            if isinstance(answer, Acks):
                for row in answer.acks:
                    self._acknowledge(row, now)
                self._dialling.works()
                self._gathering.last_word = ""
            elif isinstance(answer, Nack) and (lane := self._lanes.get(answer.topic or "")):
                lane.refused(answer, now)
                if answer.reason == "busy":
                    self._gathering.last_word = answer.detail
                self._ready[lane.topic] = lane
        if self._dialling.frame_bytes_max:
            self._packing.learn(self._dialling.frame_bytes_max)

    def _acknowledge(self, row: object, now: float) -> None:
        """Take in a row of an acknowledgement. Whoever listens there is not trusted to make sense."""
        if not isinstance(row, list) or list(map(type, row)) != ROW or row[4] not in LEVEL_NAMES:
            return
        topic, producer, sequence, offset, level = row
        lane = self._lanes.get(topic)
        if lane is not None:
            lane.acknowledged(producer, sequence, Stored(offset, LEVEL_NAMES[level]), now)
            self._ready[topic] = lane

    def _is_overdue(self, now: float) -> bool:
        """Give up what has been tried too long; whether a frame's answer is late: lost, or it may come for ever."""
        if now < self._looks_at:
            return False
        busy = [lane for lane in self._lanes.values() if not lane.idle]
        for lane in busy:
            lane.expire(now, self._deliver_s_max)
            self._ready[lane.topic] = lane
        self._looks_at = now + LOOK_S if busy else NEVER
        return any(lane.oldest_sent_at + ANSWER_S_MAX <= now for lane in busy)

    def _reconnect(self, now: float) -> None:
        self._dialling.drop(now)
        for lane in self._lanes.values():
            lane.disconnected(now)
            self._ready[lane.topic] = lane

    def _take(self, now: float) -> None:
        batches, self._sleeps_until = self._gathering.take(now, connected=self._dialling.frame_bytes_max > 0)
        for batch in batches:
            lane = self._lanes.pop(batch.topic, None) or self._new_lane(batch.topic)
            self._lanes[batch.topic] = self._ready[batch.topic] = lane
            lane.add(batch)
        if batches:
            self._reporting.changes(now)
            self._looks_at = min(self._looks_at, now + LOOK_S)

    def _new_lane(self, topic: str) -> Lane:
        """Make a lane; of topics that have long had nothing pending, one is forgotten, and would get another id."""
        if len(self._lanes) >= LANES_MAX:
            for other in list(islice(self._lanes.values(), FORGOTTEN_MAX)):
                if other.idle:
                    del self._lanes[other.topic]
                    self._ready.pop(other.topic, None)
                    self._paused.pop(other.topic, None)
                    self._reporting.forget(other.topic)
        return Lane(topic, self._broker, pack=self._packing.pack, settle=self._settle, window=self._window)

    def _settle(self, batch: Batch, outcome: Outcome) -> None:
        if not isinstance(outcome, Stored):
            self._reporting.give_up(batch.topic, batch.count)
        self._outcomes.append((batch, outcome))

    def _send(self, now: float) -> None:
        for topic in [topic for topic, resumes_at in self._paused.items() if resumes_at <= now]:
            del self._paused[topic]
            self._ready[topic] = self._lanes[topic]
        if self._dialling.frame_bytes_max:
            while self._ready and self._send_all(lane := next(iter(self._ready.values())), now):
                del self._ready[lane.topic]
                if lane.resumes_at > now:
                    self._paused[lane.topic] = lane.resumes_at

    def _may_send(self, lane: Lane, sequence: int) -> bool:
        """Whether this may go under the lane's id; what is not told yet of those before it may stand in the way."""
        if self._gathering.may_send(lane.first, lane.producer, sequence):
            return True
        self._tell()
        return self._gathering.may_send(lane.first, lane.producer, sequence)

    def _send_all(self, lane: Lane, now: float) -> bool:
        """Send what a lane may send now; return False when no lane may."""
        while (found := lane.next(now)) is not None:
            content, sequence, produced = found
            kept = lane.first.kept
            if not self._may_send(lane, sequence):
                return True
            wanted = self._wanted if kept is None else kept.wanted
            frame = seal(content, produced=produced, producer=lane.producer, sequence=sequence, wanted=wanted)
            if self._window.under_way >= IN_FLIGHT_MAX or not self._dialling.send(frame):
                return False
            lane.sent(now)
        return True
