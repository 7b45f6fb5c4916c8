"""The proxy: takes in what has arrived, hands it on in turns, and sends out what came of it. One thread, all sockets.

While the journal is behind, ingest is not read: producers feel it, and nothing is dropped in here. Control is always
read, so that a stalled disk keeps nobody from an answer; acknowledged frames that would have to wait beyond a bound are
told `busy`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from threading import Thread
from typing import NamedTuple

import zmq

from mq.broker.channel import Channel
from mq.broker.consumer_requests import ConsumerRequest
from mq.broker.control import Desk, Job
from mq.broker.counters import CONTROL, Counters
from mq.broker.intake import Change, Done, Turn
from mq.broker.journaling import Journaling
from mq.broker.produced import Client
from mq.broker.rates import Rates
from mq.broker.reader import Reader
from mq.broker.replies import Replies
from mq.broker.sockets import Sockets
from mq.broker.waiting import Waiting
from mq.broker.watch import Watch
from mq.broker.window import LiveWindow
from mq.config import Config
from mq.frame import claimed_count, claimed_key
from mq.protocol import Delete, Failure, Nack, is_request

# Short turns stay in the processor's cache; with many topics a turn is as long as makes each write worth its while.
TURN_FRAMES_LEAST, FRAMES_A_WRITE = 1_000, 8
TIDY_EVERY_S, TIDY_EVERY_MS = 0.25, 250
CONTROL_MESSAGES_A_TURN, CONTROL_BYTES_A_TURN = 1_000, 2 << 20  # for all clients: what others sent waits so long
CHANGES_WAITING_MAX = 64
OUTBOX_MS = 10
QUIET_MS = 100
DRAIN_S_MAX = 3.0
END_POLL_MS = 50


class Result(NamedTuple):
    """What the journaling thread made of a turn, or of a sync between turns."""

    done: Done
    ends_turn: bool


class Answered(NamedTuple):
    """What the reader made of a job; `ends_job` with its last slice."""

    client: Client
    message: bytes
    ends_job: bool


class Channels(NamedTuple):
    """What comes back from the other threads, and the socket that says so."""

    wake: zmq.Socket[bytes]
    results: Channel[Result]
    answers: Channel[Answered]


class Proxy:
    """Runs on the thread that calls `run`, until `stop`."""

    def __init__(
        self, sockets: Sockets, watch: Watch, channels: Channels, desk: Desk, config: Config, counters: Counters
    ) -> None:
        self._sockets = sockets
        self._watch = watch
        self._wake, self._results, self._answers = channels
        self._desk = desk
        self._config = config
        self._counters = counters
        self._replies = Replies(sockets.control, counters)
        self._waiting = Waiting(config.pending_bytes_max)
        self._rates = Rates(config.producer_records_s_max, config.producer_bytes_s_max)
        self._window = LiveWindow(config.live_messages_max, config.live_bytes_max)
        self._under_way: list[int] = []
        counters.gauges["pending_bytes"] = lambda: self._waiting.held
        counters.queues.update(
            turns=lambda: len(self._under_way),
            clients=lambda: len(self._waiting),
            changes=lambda: self._waiting.changes,
        )
        # The class below zmq.Socket is the same without a layer of Python: a tenth of the broker's time.
        self._publish = super(zmq.Socket, sockets.live).send
        self._turn_frames = min(TURN_FRAMES_LEAST, config.turn_frames_max)
        self._next_tidying = 0.0
        self._stop_read, self._stop_write = os.pipe()
        self._busy_poller, self._idle_poller = zmq.Poller(), zmq.Poller()
        for poller in (self._busy_poller, self._idle_poller):
            for source in (self._wake, sockets.control, self._stop_read):
                poller.register(source, zmq.POLLIN)
        self._idle_poller.register(sockets.ingest, zmq.POLLIN)

    def stop(self) -> None:
        """Make `run` return. May be called from any thread, and from a signal handler."""
        os.write(self._stop_write, b"x")

    def run(self, journaling: Journaling, reader: Reader) -> None:
        """Go on until `stop`, then finish what was taken in. Whatever is raised, the threads have ended."""
        take = self._drop_results
        try:
            while self._stop_read not in self._turn(journaling, reader):
                pass
            self._drain(journaling, reader)
            take = self._take_results
        finally:
            self._end((reader, journaling), take)

    def close(self) -> None:
        """Let go of what is its own."""
        os.close(self._stop_read)
        os.close(self._stop_write)

    def _turn(self, journaling: Journaling, reader: Reader, wait_ms: int = TIDY_EVERY_MS) -> dict[object, int]:
        """Wait until something is ready, deal with it, and return what it was."""
        has_room = len(self._under_way) < self._config.turns_ahead_max
        poller = self._idle_poller if has_room else self._busy_poller
        ready: dict[object, int] = dict(poller.poll(OUTBOX_MS if self._replies else wait_ms))
        if self._wake in ready:
            self._wake.recv()
            self._take_results()
        if self._sockets.control in ready:
            self._take_control(reader)
        if len(self._under_way) < self._config.turns_ahead_max:
            self._begin_turn(journaling, self._take_ingest() if self._sockets.ingest in ready else [])
            while self._waiting and len(self._under_way) < self._config.turns_ahead_max:
                self._begin_turn(journaling, [])
        if self._replies:
            self._replies.flush()
        if time.monotonic() >= self._next_tidying:
            self._tidy()
        return ready

    def _tidy(self) -> None:
        """Do what nobody waits for. Each socket that is polled costs every turn, so these are looked at at times."""
        self._sockets.live.getsockopt(zmq.EVENTS)  # libzmq takes in subscriptions, also while nothing is published
        for monitor in self._watch.monitors:
            self._watch.take(monitor)
        self._next_tidying = time.monotonic() + TIDY_EVERY_S

    def _begin_turn(self, journaling: Journaling, ingest: list[bytes]) -> None:
        """Hand over what waits. Of control no more than one turn takes: what comes next is not to wait for all that."""
        if not ingest and not self._waiting:
            return
        turn = self._waiting.take(min(CONTROL_MESSAGES_A_TURN, self._config.turn_frames_max), CONTROL_BYTES_A_TURN)
        self._under_way.append(turn.weight)
        journaling.submit(Turn(ingest, turn.produced, turn.changes))

    def _take_ingest(self) -> list[bytes]:
        frames: list[bytes] = []
        receive, keep = self._sockets.ingest.recv, frames.append
        room = self._config.turn_bytes_max
        try:
            for _ in range(self._turn_frames):
                frame = receive(zmq.NOBLOCK)
                keep(frame)
                room -= len(frame)
                if room < 0:
                    break
        except zmq.Again:
            return frames
        return frames

    def _take_control(self, reader: Reader) -> None:
        room = CONTROL_BYTES_A_TURN
        for _ in range(CONTROL_MESSAGES_A_TURN):
            if room < 0:
                return
            try:
                client, *parts = self._sockets.control.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            room -= sum(map(len, parts))
            if len(parts) != 1 or not parts[0]:
                self._counters.refuse(CONTROL, "not_one_part")
            elif is_request(parts[0]):
                self._take_request(client, parts[0], reader)
            else:
                self._take_produced(client, parts[0])

    def _take_request(self, client: Client, message: bytes, reader: Reader) -> None:
        found = self._desk.handle(client, message)
        if not isinstance(found, Job):
            self._replies.send(client, found)
        elif not isinstance(found.request, Delete | ConsumerRequest):
            reader.submit(found)
        elif self._waiting.changes < CHANGES_WAITING_MAX:
            self._waiting.put_change(Change(0, client, found.request))
        else:
            self._counters.busy["changes"] += 1
            self._replies.send(
                client, Failure(found.request.id, "busy", "too much is to be changed; ask again").encode()
            )

    def _take_produced(self, client: Client, frame: bytes) -> None:
        if self._rates.limited:
            why = self._rates.exceeded(client, claimed_count(frame), len(frame), time.monotonic())
            if why is not None:
                self._refuse_as_busy(client, frame, "rate", why)
                return
        if not self._waiting.put(client, frame):
            held, most = self._waiting.held, self._config.pending_bytes_max
            why = f"{held:,} bytes wait for the journal, and of pending_bytes_max, {most:,}, you have your share"
            self._refuse_as_busy(client, frame, "memory", why)

    def _refuse_as_busy(self, client: Client, frame: bytes, short: str, why: str) -> None:
        self._counters.refuse(CONTROL, "busy")
        self._counters.busy[short] += 1
        topic, producer, sequence = claimed_key(frame) or (None, 0, 0)
        nack = Nack(0, "busy", f"{why}; send again a little later", topic, producer, sequence)
        self._replies.send(client, nack.encode(), keep=True)

    def _take_results(self) -> None:
        while (result := self._results.take()) is not None:
            self._publish_all(result.done.live)
            if result.done.live and self._window.note(len(result.done.live), result.done.size):
                self._sockets.live.sndhwm = self._window.messages  # libzmq takes it over for connections that stand
            for client, message in result.done.replies:
                self._replies.send(client, message, keep=True)
            if result.ends_turn:
                self._waiting.done(self._under_way.pop(0))
                wanted = max(TURN_FRAMES_LEAST, FRAMES_A_WRITE * result.done.topics)
                self._turn_frames = min(wanted, self._config.turn_frames_max)
        while (answered := self._answers.take()) is not None:
            self._replies.send(answered.client, answered.message)
            if answered.ends_job:
                self._desk.finished(answered.client)

    def _publish_all(self, frames: list[bytes]) -> None:
        """Send to all subscribers. One whose queue is full misses what finds no room; that it happened is counted."""
        publish, rest = self._publish, iter(frames)
        try:
            for frame in rest:
                publish(frame, zmq.NOBLOCK)
        except zmq.Again:
            self._counters.live_overflows += 1
            self._sockets.live.xpub_nodrop = False
            publish(frame)
            for frame in rest:
                publish(frame)
            self._sockets.live.xpub_nodrop = True

    def _drop_results(self) -> None:
        """Make room for threads that are to end, when nothing can be sent any more."""
        while self._results.take() is not None or self._answers.take() is not None:
            pass

    def _drain(self, journaling: Journaling, reader: Reader) -> None:
        """Take in what clients have sent by now: until nothing comes for a moment, but no longer than a while."""
        for poller in (self._busy_poller, self._idle_poller):
            poller.unregister(self._stop_read)
        deadline = time.monotonic() + DRAIN_S_MAX
        busy = True
        while busy and journaling.alive and time.monotonic() < deadline:
            busy = bool(self._turn(journaling, reader, QUIET_MS) or self._under_way or self._waiting or self._replies)

    def _end(self, parts: tuple[Reader, Journaling], take: Callable[[], None]) -> None:
        """End the threads, and take what they still come to."""
        for part in parts:
            ending = Thread(target=part.stop, name="ending")
            ending.start()
            while ending.is_alive():
                if self._wake.poll(END_POLL_MS):
                    self._wake.recv()
                take()
            ending.join()
        take()
