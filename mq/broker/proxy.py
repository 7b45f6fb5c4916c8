"""The proxy: takes in what has arrived, hands it on in turns, and sends out what came of it. One thread, all sockets.

While the journal is behind, ingest is not read: producers feel it, and nothing is dropped in here. Control is always
read, so that a stalled disk keeps nobody from an answer; acknowledged frames that would have to wait beyond a bound are
told `busy`.
"""

from __future__ import annotations

import os
from threading import Thread
from typing import NamedTuple

import zmq

from mq.broker.channel import Channel
from mq.broker.control import Desk, Job
from mq.broker.counters import CONTROL, Counters
from mq.broker.intake import Client, Done, Reply, Turn
from mq.broker.journaling import Journaling
from mq.broker.reader import Reader
from mq.broker.sockets import Sockets
from mq.config import Config
from mq.frame import claimed_key
from mq.protocol import Nack, is_request

CONTROL_MESSAGES_A_TURN = 1_000
DRAIN_POLL_MS = 50


class Result(NamedTuple):
    """What the journaling thread made of a turn, or of a sync between turns."""

    done: Done
    ends_turn: bool


class Answered(NamedTuple):
    """What the reader made of a job; `ends_job` with its last slice."""

    client: Client
    message: bytes
    ends_job: bool


class Proxy:
    """Runs on the thread that calls `run`, until `stop`."""

    def __init__(
        self,
        sockets: Sockets,
        wake: zmq.Socket[bytes],
        results: Channel[Result],
        answers: Channel[Answered],
        desk: Desk,
        config: Config,
        counters: Counters,
    ) -> None:
        self._sockets = sockets
        self._wake = wake
        self._results = results
        self._answers = answers
        self._desk = desk
        self._config = config
        self._counters = counters
        self._produced: list[tuple[Client, bytes]] = []
        self._pending_bytes = 0
        self._under_way: list[int] = []
        # The class below zmq.Socket is the same without a layer of Python: a tenth of the broker's time.
        self._publish = super(zmq.Socket, sockets.live).send
        self._stop_read, self._stop_write = os.pipe()
        self._busy_poller, self._idle_poller = zmq.Poller(), zmq.Poller()
        for poller in (self._busy_poller, self._idle_poller):
            for source in (wake, sockets.control, sockets.live, self._stop_read):
                poller.register(source, zmq.POLLIN)
        self._idle_poller.register(sockets.ingest, zmq.POLLIN)

    def stop(self) -> None:
        """Make `run` return. May be called from any thread, and from a signal handler."""
        os.write(self._stop_write, b"x")

    def run(self, journaling: Journaling, reader: Reader) -> None:
        """Go on until `stop`, then finish what was taken in."""
        while True:
            has_room = len(self._under_way) < self._config.turns_ahead_max
            ready = dict((self._idle_poller if has_room else self._busy_poller).poll())
            if self._stop_read in ready:
                break
            if self._wake in ready:
                self._take_results()
            if self._sockets.control in ready:
                self._take_control(reader)
            if self._sockets.live in ready:
                self._drop_subscriptions()
            if len(self._under_way) < self._config.turns_ahead_max:
                self._begin_turn(journaling, self._take_ingest() if self._sockets.ingest in ready else [])
        self._finish(journaling, reader)

    def close(self) -> None:
        """Let go of what is its own."""
        os.close(self._stop_read)
        os.close(self._stop_write)

    def _begin_turn(self, journaling: Journaling, ingest: list[bytes]) -> None:
        if not ingest and not self._produced:
            return
        produced, self._produced = self._produced, []
        self._under_way.append(sum(len(frame) for _, frame in produced))
        journaling.submit(Turn(ingest, produced))

    def _take_ingest(self) -> list[bytes]:
        frames: list[bytes] = []
        receive, keep = self._sockets.ingest.recv, frames.append
        room = self._config.turn_bytes_max
        try:
            for _ in range(self._config.turn_frames_max):
                frame = receive(zmq.NOBLOCK)
                keep(frame)
                room -= len(frame)
                if room < 0:
                    break
        except zmq.Again:
            return frames
        return frames

    def _take_control(self, reader: Reader) -> None:
        for _ in range(CONTROL_MESSAGES_A_TURN):
            try:
                client, *parts = self._sockets.control.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            if len(parts) != 1 or not parts[0]:
                self._counters.refuse(CONTROL, "not_one_part")
            elif is_request(parts[0]):
                self._take_request(client, parts[0], reader)
            else:
                self._take_produced(client, parts[0])

    def _take_request(self, client: Client, message: bytes, reader: Reader) -> None:
        found = self._desk.handle(client, message)
        if isinstance(found, Job):
            reader.submit(found)
        else:
            self._reply(client, found)

    def _take_produced(self, client: Client, frame: bytes) -> None:
        if self._pending_bytes + len(frame) > self._config.pending_bytes_max:
            self._counters.refuse(CONTROL, "busy")
            topic, producer, sequence = claimed_key(frame) or (None, 0, 0)
            why = "the journal is behind; send again"
            self._reply(client, Nack(0, "busy", why, topic, producer, sequence).encode())
            return
        self._pending_bytes += len(frame)
        self._produced.append((client, frame))

    def _take_results(self) -> None:
        while True:
            try:
                self._wake.recv(zmq.NOBLOCK)
            except zmq.Again:
                break
        while (result := self._results.take()) is not None:
            for frame in result.done.live:
                self._publish(frame)
            self._send_all(result.done.replies)
            if result.ends_turn:
                self._pending_bytes -= self._under_way.pop(0)
        while (answered := self._answers.take()) is not None:
            self._reply(answered.client, answered.message)
            if answered.ends_job:
                self._desk.finished(answered.client)

    def _send_all(self, replies: list[Reply]) -> None:
        for client, message in replies:
            self._reply(client, message)

    def _reply(self, client: Client, message: bytes) -> None:
        """Send an answer, unless its client is gone or does not take its answers: then it is dropped and counted."""
        try:
            self._sockets.control.send_multipart([client, message], zmq.NOBLOCK)
        except zmq.ZMQError as error:
            if error.errno not in (zmq.EHOSTUNREACH, zmq.EAGAIN):
                raise
            self._counters.replies_dropped += 1

    def _drop_subscriptions(self) -> None:
        """Read what subscribers send: XPUB has acted on it already."""
        while True:
            try:
                self._sockets.live.recv(zmq.NOBLOCK)
            except zmq.Again:
                return

    def _finish(self, journaling: Journaling, reader: Reader) -> None:
        """End the threads, and send out what they still come to."""
        self._begin_turn(journaling, self._take_ingest())
        for part in (reader, journaling):
            ending = Thread(target=part.stop, name="ending")
            ending.start()
            while ending.is_alive():
                self._wake.poll(DRAIN_POLL_MS)
                self._take_results()
            ending.join()
        self._take_results()
