"""The acknowledged producer.

Callers hand records over and get an `Ack` to wait for; one thread of its own owns the socket. A record is sent until
the broker has taken it or refused it, through restarts of the broker, and is stored once. Where nobody can know the
outcome, that is what its ack says.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from threading import Lock, Thread
from types import TracebackType
from typing import Literal

import zmq

from mq.client.ack import Ack
from mq.client.gathering import Gathering, Patience
from mq.client.packing import Packing
from mq.client.replay import LATEST_NS
from mq.client.sender import LEVELS, WAKE, Sender
from mq.client.spool import Spool
from mq.client.spool_losses import SpoolState
from mq.client.spool_writer import AGE_S_MAX, BYTES_MAX, DRAIN_BYTES_S, SpoolLimits
from mq.client.spooled import SpooledGathering
from mq.errors import MqError, TimedOut

BUFFER_BYTES_MAX = 32 << 20
LINGER_S = 0.005
BLOCK_S_MAX = 30.0
DELIVER_S_MAX = 120.0


class Producer:
    """Sends to a broker's control port, any number of threads at once.

    Records of one topic share a frame, and the time of the first: up to 64 KiB or 1,000 of them, or what comes within
    `linger_s`. With 0 a record goes at once, with what was sent while the thread was at work. Whoever waits for an
    answer does not wait for more records.

    A full buffer makes `send` wait, up to `block_s_max`. A record is tried for `deliver_s_max`, then given up.

    With `compress` a frame's body is compressed by zstd where that makes it at least an eighth smaller; one of less
    than 64 bytes never is. The broker's limit is for the frame as it is sent, and the body may have 16 MiB before.
    Raises `CodecMissing` without the extra `zstd`.

    With `spool`, a directory of this producer's own, a record is in a file there before `send` returns, and stays until
    it is acknowledged: it survives a kill of this process at any moment, a loss of power but for the last two seconds.
    The next producer on that directory sends what is left, in order and once. `send` does not wait for a broker that is
    away, and nothing is given up after `deliver_s_max`, but the oldest beyond `spool_bytes_max` or `spool_age_s_max`.
    Each `send` is a frame of its own, with its own time. Raises `SpoolHeld` where another producer has the directory,
    and `SpoolUnusable`. ``docs/spool.md`` has the whole of it.
    """

    def __init__(  # noqa: PLR0913 - options, each by its name
        self,
        broker: str,
        durability: Literal["written", "durable"] = "durable",
        *,
        linger_s: float = LINGER_S,
        compress: bool = False,
        buffer_bytes_max: int = BUFFER_BYTES_MAX,
        block_s_max: float = BLOCK_S_MAX,
        deliver_s_max: float = DELIVER_S_MAX,
        spool: str | os.PathLike[str] | None = None,
        spool_bytes_max: int = BYTES_MAX,
        spool_age_s_max: float = AGE_S_MAX,
        spool_drain_bytes_s: int = DRAIN_BYTES_S,
    ) -> None:
        if durability not in LEVELS:
            raise ValueError(f"durability is 'written' or 'durable', not {durability!r}")
        patience = Patience(linger_s, block_s_max, deliver_s_max, buffer_bytes_max)
        packing = Packing(compress=compress)
        limits = SpoolLimits(spool_bytes_max, spool_age_s_max, spool_drain_bytes_s)
        self._spool = None if spool is None else Spool(os.fspath(spool), limits, LEVELS[durability])
        self._closing = Lock()
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._wake = self._context.socket(zmq.PUSH)
        self._wake.linger = 0
        self._gathering = (
            Gathering(patience, packing, self._rouse)
            if self._spool is None
            else SpooledGathering(patience, packing, self._rouse, self._spool)
        )
        try:
            sender = Sender(self._gathering, packing, self._context, broker, LEVELS[durability], deliver_s_max)
        except MqError:
            self._gathering.release()
            self._wake.close()
            self._context.term()
            raise
        self._wake.connect(WAKE)
        self._thread = Thread(target=sender.run, name="mq-producer", daemon=True)
        self._thread.start()

    @property
    def spool(self) -> SpoolState | None:
        """How the spool is: what waits in it, also once this is closed, and what was lost. None without one."""
        return None if self._spool is None else self._spool.state

    def send(self, topic: str, body: bytes) -> Ack:
        """Send one record. Raises `BadTopic`, `TooLarge`, and `TimedOut` when the buffer stays full."""
        return self._gathering.put(topic, body)

    def send_many(self, topic: str, bodies: Sequence[bytes], *, produced: int | None = None) -> Ack:
        """Send records in one frame, all stored or none; the answer is that of the last. Raises as `send`.

        With `produced` (ns), the time at which they were made, the frame is theirs alone.
        """
        if produced is not None and not 0 <= produced <= LATEST_NS:
            raise ValueError(f"produced is ns since 1970, from 0 to {LATEST_NS}, not {produced!r}")
        return self._gathering.put_many(topic, bodies, produced)

    def flush(self, timeout: float | None = None) -> None:
        """Wait until everything sent has its answer, good or bad. Raises `TimedOut`."""
        self._gathering.flush(timeout)

    def close(self, timeout: float = BLOCK_S_MAX) -> None:
        """Flush, then let go; raise `TimedOut` when the outcome of something stays unknown.

        Records that were given up or refused are raised here too, unless one of their acks has been asked. What is in
        the spool stays there: that raises nothing, and `spool` tells how many records it is. In a process that was
        forked from the producer's it does nothing.
        """
        if self._gathering.is_forked:
            return
        try:
            self.flush(timeout)
        except TimedOut:
            if self._spool is None:
                raise
        finally:
            self._gathering.close("this producer is closed")
            self._thread.join()
            with self._closing:  # of several threads that close, one lets go
                self._wake.close()
                self._context.term()
        given_up = self._gathering.given_up()
        if given_up is not None:
            raise given_up.with_traceback(None)

    def __enter__(self) -> Producer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
            return
        try:
            self.close(0)
        except MqError as unknown:
            error.add_note(str(unknown))

    def _rouse(self) -> None:
        """Wake the thread. The caller holds a lock that makes this socket one thread's at a time."""
        try:
            self._wake.send(b"", zmq.NOBLOCK)
        except zmq.Again:
            return
