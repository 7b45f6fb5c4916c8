"""Puts log lines out: at once or not at all, and not too often. What was not said is counted, and that is said."""

from __future__ import annotations

import logging
import signal
from threading import Timer
from typing import NamedTuple

from mq.cli.logs.rate import WHILE_S, Rate
from mq.cli.saying import STANDARD_ERROR, write


class Kind(NamedTuple):
    """What makes two events alike: where they come from, and their words before anything is filled in."""

    logger: str
    level: int
    words: str


class LineHandler(logging.Handler):
    """With `watched`, a thread that ends by itself tells how much was left out when nothing else is said."""

    def __init__(self, *, watched: bool) -> None:
        super().__init__()
        self._watched = watched
        self._rate: Rate[Kind] = Rate()
        self._timer: Timer | None = None
        self._unwritten = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, unless its kind has been said too often."""
        try:
            self._tell_left_out()
            left_out = self._rate.admit(_kind(record))
            if left_out is None:
                self._watch()
            else:
                self._write(record, left_out)
        except Exception:  # noqa: BLE001 - as every handler: what cannot be logged must not end who logs
            self.handleError(record)

    def close(self) -> None:
        """Say at the end what was left out."""
        with_timer, self._timer = self._timer, None
        if with_timer is not None:
            with_timer.cancel()
        self.acquire()
        try:
            self._tell_left_out(everything=True)
        finally:
            self.release()
        super().close()

    def _tell_left_out(self, *, everything: bool = False) -> None:
        for kind, number in self._rate.due(everything=everything):
            words = f"lines like this were left out: {kind.words}"
            self._write(logging.LogRecord(kind.logger, kind.level, "", 0, words, None, None), number)
        forgotten, self._rate.forgotten = self._rate.forgotten, 0
        if forgotten:
            words = "lines of more kinds than are remembered were left out"
            self._write(logging.LogRecord("minimq", logging.WARNING, "", 0, words, None, None), forgotten)

    def _write(self, record: logging.LogRecord, left_out: int) -> None:
        if left_out:
            record.left_out = left_out
        if self._unwritten:
            record.unwritten = self._unwritten
        if write(STANDARD_ERROR, self.format(record)):
            self._unwritten = 0
        else:
            self._unwritten += 1

    def _watch(self) -> None:
        """See to it that what was left out is told. The thread takes no signal: others wait for those."""
        if not self._watched or self._timer is not None:
            return
        self._timer = Timer(WHILE_S, self._look_again)
        self._timer.daemon = True
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            self._timer.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _look_again(self) -> None:
        self.acquire()
        try:
            self._timer = None
            self._tell_left_out()
            if self._rate.owes:
                self._watch()
        finally:
            self.release()


def _kind(record: logging.LogRecord) -> Kind:
    """Return what kind of event it is. What comes from structlog is a map."""
    words = record.msg.get("event", "") if isinstance(record.msg, dict) else record.msg
    return Kind(record.name, record.levelno, str(words))
